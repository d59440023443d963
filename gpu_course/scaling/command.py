"""What ``scripts/train_data_parallel.py`` does."""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

DESCRIPTION = """\
Train the course's LeNet on MNIST in several processes.

One machine:   torchrun --standalone --nproc-per-node 2 %(prog)s
Under Slurm:   sbatch scripts/train_data_parallel.slurm

Each process gets a GPU and NCCL connects them, if this machine has enough
GPUs; else gloo connects CPUs. Without torchrun it is one process."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    made = argparse.ArgumentParser(
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--examples", type=int, default=60_000)
    made.add_argument(
        "--batch-size",
        type=int,
        default=128,
        help="of all processes together (default: 128)",
    )
    made.add_argument("--epochs", type=int, default=1)
    made.add_argument("--learning-rate", type=float, default=0.05)
    made.add_argument(
        "--warmup",
        type=int,
        default=10,
        help="steps in which the rate rises (default: 10)",
    )
    made.add_argument("--seed", type=int, default=0)
    made.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        help="default: cuda if this machine has a GPU for each process",
    )
    made.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="written every 20 steps, in a folder that all machines share; "
        "a run that finds it goes on from it",
    )
    made.add_argument(
        "--sharded",
        action="store_true",
        help="fully_shard in place of DistributedDataParallel",
    )
    made.add_argument(
        "--die-at-step",
        type=int,
        metavar="STEP",
        help="kill the last process after this step, once",
    )
    made.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where process 0 writes its result, JSON, and beside it the "
        "weights (default: the result is only printed)",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, test, and let process 0 report."""
    given = parser().parse_args(arguments)

    from gpu_course.scaling import data_parallel
    from gpu_course.training.checkpoint import write_tensors
    from gpu_course.training.loop import evaluate

    settings = data_parallel.Settings(
        examples=given.examples,
        batch_size=given.batch_size,
        epochs=given.epochs,
        learning_rate=given.learning_rate,
        warmup=given.warmup,
        seed=given.seed,
    )
    dies = given.die_at_step
    with data_parallel.process_group(given.device) as device:
        started = time.perf_counter()
        trained = data_parallel.train(
            settings,
            device,
            sharded=given.sharded,
            checkpoint=given.checkpoint,
            after_step=data_parallel.die(dies) if dies else None,
        )
        seconds = time.perf_counter() - started
        weights = data_parallel.whole_state(trained.model)
        chief = data_parallel.rank() == 0
        # Each process needs the others' parts of a sharded network.
        if chief or given.sharded:
            test = data_parallel.digits("test", 10_000, device)
            loss, accuracy = evaluate(trained.model, test, device)
        if not chief:
            return
        result = {
            "processes": data_parallel.world_size(),
            "device": device.type,
            "steps": len(trained.losses),
            "resumed_at": trained.resumed_at,
            "restarts": int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)),
            "training_loss": trained.losses[-1],
            "test_loss": loss,
            "accuracy": accuracy,
            "training_seconds": seconds,
        }
        text = json.dumps(result, indent=1)
        print(text)
        if given.output:
            given.output.write_text(text + "\n", encoding="utf-8")
            write_tensors(given.output.with_suffix(".safetensors"), weights, 0)
