"""``gpu-course train``."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from gpu_course.cli.options import (
    DEVICE,
    JSON,
    model_path,
    percent,
    positive,
    whole,
)
from gpu_course.tasks.listing import NAMES

HELP = "train a network of the course and test it beside a baseline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course train`` to its parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    width = max(map(len, NAMES))
    parser.epilog = "tasks:\n" + "\n".join(
        f"  {name:{width}}  {title}" for name, (_, title) in NAMES.items()
    )
    parser.add_argument(
        "task",
        nargs="?",
        choices=tuple(NAMES),
        default="digits",
        metavar="TASK",
        help="what to train (default: digits); the list is below",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        help="passes over the training data (default: the task's, or what "
        "the target asks for)",
    )
    parser.add_argument(
        "--target",
        type=percent,
        metavar="PERCENT",
        help="of digits: test accuracy to reach, in one epoch up to 98, in "
        "four above; the exit code is 1 if it is missed",
    )
    parser.add_argument("--seed", type=whole, default=0, help="default: 0")
    parser.add_argument("--device", **DEVICE)
    parser.add_argument(
        "--threads", type=positive, help="CPU threads (default: torch's)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with an interrupted run of the same epochs and seed",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the network goes (default: the cache folder)",
    )
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Train, judge and save the network; return 1 if the target is missed."""
    import torch

    from gpu_course.common.device import pick_device
    from gpu_course.tasks.listing import task_named
    from gpu_course.tasks.task import run_task, save_model
    from gpu_course.training.recipe import recipe_for

    task, digits = task_named(arguments.task), arguments.task == "digits"
    if arguments.target and not digits:
        raise ValueError("--target is for the task digits alone")
    device = pick_device(arguments.device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if digits:
        recipe = recipe_for(arguments.epochs, arguments.target)
    else:
        epochs = arguments.epochs or task.recipe.epochs
        recipe = replace(task.recipe, epochs=epochs)
    output = arguments.output or model_path(task.name)
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder: name a file in it")
    checkpoint = output.with_suffix(".checkpoint.safetensors")

    done = run_task(
        task,
        seed=arguments.seed,
        recipe=recipe,
        device=device,
        checkpoint=checkpoint,
        resume=arguments.resume,
    )
    save_model(task, done.model, output)
    checkpoint.unlink(missing_ok=True)
    result = {
        "task": task.name,
        "measures": done.measures,
        "baseline": done.baseline,
        "seconds": done.seconds,
        "examples_per_second": done.examples_per_second,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "seed": arguments.seed,
        "epochs": recipe.epochs,
        "resumed": arguments.resume,
        "target": arguments.target,
        "model": str(output),
    }
    if digits:
        result["fraction_of_sgemm_peak"] = _fraction(done, device)
    print(json.dumps(result) if arguments.json else _summary(result))
    reached = done.measures[task.measure]
    if arguments.target and 100 * reached < arguments.target:
        print(
            f"the target of {arguments.target:g} % was missed",
            file=sys.stderr,
        )
        return 1
    return 0


def _fraction(done, device):
    """Return the speed as a fraction of that of a large matrix product."""
    from gpu_course.hardware.measured_peaks import measured_sgemm
    from gpu_course.hardware.work_counter import training_flops_per_image

    if done.examples_per_second is None:
        return None
    flops = done.examples_per_second * training_flops_per_image(done.model)
    return flops / (1e9 * measured_sgemm(device).rate)


def _summary(result):
    """Return the result for people: the measures beside the baseline's."""
    lines = [
        f"{result['task']}: {result['epochs']} epoch(s), seed "
        f"{result['seed']}, in {result['seconds']:.1f} s on "
        f"{result['device']}"
    ]
    shown = {**result["measures"], **result["baseline"]}
    width = max(map(len, shown))
    lines += [f"  {name:{width}}  {v:.4f}" for name, v in shown.items()]
    if result["examples_per_second"]:
        lines.append(f"{result['examples_per_second']:,.0f} examples/s")
    if result.get("fraction_of_sgemm_peak"):
        fraction = result["fraction_of_sgemm_peak"]
        lines[-1] += f", {fraction:.0%} of the speed of a large matrix product"
    lines.append(f"saved as {result['model']}")
    return "\n".join(lines)
