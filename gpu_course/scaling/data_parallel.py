"""Data parallelism: one network in several processes, gradients averaged.

`train` runs in one process, or in each process that ``torchrun`` started. With
the same settings it makes the same updates, up to rounding, whatever the
number of processes: a batch is that of all processes together.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import TensorDataset

from gpu_course.common.device import place
from gpu_course.data.mnist import load_mnist, normalise
from gpu_course.training.checkpoint import Checkpoint
from gpu_course.training.lenet import LeNet


@dataclass(frozen=True)
class Settings:
    """What must be the same in every process, and for a run to be resumed.

    Attributes
    ----------
    examples : int
        The first so many training images of MNIST are used.
    batch_size : int
        Of all processes together.
    epochs : int
    learning_rate, momentum : float
        Of SGD.
    warmup : int
        Steps in which the rate rises to its full value.
    seed : int
        Of the initial weights and of the order of the images.
    """

    examples: int = 12_000
    batch_size: int = 128
    epochs: int = 1
    learning_rate: float = 0.05
    momentum: float = 0.9
    warmup: int = 10
    seed: int = 0

    def __post_init__(self):
        for name in ("examples", "batch_size", "epochs", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name} must be positive, got {getattr(self, name)}"
                )

    def batches(self) -> Iterator[torch.Tensor]:
        """Yield the indices of each batch, (batch_size,), epoch by epoch."""
        for epoch in range(self.epochs):
            entropy = np.random.SeedSequence((self.seed, epoch))
            generator = torch.Generator()
            generator.manual_seed(int(entropy.generate_state(1)[0]))
            order = torch.randperm(self.examples, generator=generator)
            yield from order.split(self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.learning_rate * min(1, (step + 1) / (self.warmup + 1))


@dataclass(frozen=True)
class Trained:
    """What a process has after training.

    Attributes
    ----------
    model : torch.nn.Module
        The network, not its wrapper. Sharded: its parameters are DTensors.
    losses : list of float
        The loss of each batch, of all processes together.
    resumed_at : int
        The step that the run went on from; 0 if it wasn't resumed.
    """

    model: torch.nn.Module
    losses: list
    resumed_at: int


def digits(
    split: str, count: int, device: str | torch.device = "cpu"
) -> TensorDataset:
    """Return the first images of a split of MNIST and their labels."""
    images, labels = load_mnist(split)
    images = normalise(images[:count], device)
    return TensorDataset(images, labels[:count].to(device))


def rank() -> int:
    """Return this process's number among all, 0 outside of a group."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes, 1 outside of a group."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextlib.contextmanager
def process_group(kind: str | None = None) -> Iterator[torch.device]:
    """Join the processes that ``torchrun`` started; yield this one's device.

    NCCL connects GPUs, one for each process of this machine; gloo connects
    CPUs. Outside of ``torchrun`` no group is made.

    Parameters
    ----------
    kind : {"cpu", "cuda"}, optional
        Default: CUDA if this machine has a GPU for each of its processes.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if kind is None:
        kind = "cuda" if torch.cuda.device_count() >= here else "cpu"
    if "WORLD_SIZE" not in os.environ:
        yield torch.device(kind)
        return
    if kind == "cuda":
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        device = torch.device("cpu")
        dist.init_process_group("gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def average_gradients(model: torch.nn.Module) -> None:
    """Replace each gradient by its mean over the processes, in place."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= dist.get_world_size()


def wrap(model: torch.nn.Module, sharded: bool = False) -> torch.nn.Module:
    """Return the network as the group trains it.

    Parameters
    ----------
    model : torch.nn.Module
        On this process's device.
    sharded : bool
        False: `DistributedDataParallel`, a whole copy in each process. True:
        ``fully_shard``, in each process a part of every parameter. That
        changes `model` itself.
    """
    if sharded:
        from torch.distributed.fsdp import fully_shard

        for layer in model.children():
            if any(True for _ in layer.parameters()):
                fully_shard(layer)
        fully_shard(model)
        return model
    if not dist.is_initialized():
        return model
    return DistributedDataParallel(model)


def share_of_loss(
    model: torch.nn.Module,
    data: TensorDataset,
    batch: torch.Tensor,
    part: int = 0,
    parts: int = 1,
) -> torch.Tensor:
    """Return this process's share of the loss of a batch, or a part of it.

    The mean of the shares over the processes is the mean cross-entropy of the
    batch, and the mean of their gradients its gradient, even if the processes
    have different numbers of images.

    Parameters
    ----------
    model : torch.nn.Module
    data : TensorDataset
        Images and labels.
    batch : int64 tensor (B,)
        The indices of the whole batch, the same in every process.
    part, parts : int
        The share is the sum of so many parts; return this one.
    """
    images, labels = data.tensors
    mine = batch[rank() * parts + part :: world_size() * parts]
    mine = mine.to(labels.device)
    logits = model(images[mine])
    total = functional.cross_entropy(logits, labels[mine], reduction="sum")
    return total * (world_size() / len(batch))


def train(
    settings: Settings,
    device: str | torch.device = "cpu",
    *,
    sharded: bool = False,
    steps: int | None = None,
    microbatches: int = 1,
    checkpoint: str | Path | None = None,
    save_every: int = 20,
    after_step: Callable[[int], Any] | None = None,
) -> Trained:
    """Train the course's LeNet on MNIST, in this process or in the group.

    Parameters
    ----------
    settings : Settings
    device : str or torch.device
    sharded : bool
        As for `wrap`.
    steps : int, optional
        Stop after so many steps; default: the settings' epochs.
    microbatches : int
        Each process computes its share of a batch in so many parts, and adds
        up their gradients: a batch of any size fits into the memory.
    checkpoint : path, optional
        Process 0 writes it; every process goes on from it if it is there.
        All must see the same file.
    save_every : int
        Steps between two checkpoints.
    after_step : callable, optional
        Called with the number of steps that are done.

    Raises
    ------
    ValueError
        If the checkpoint is of other settings, or a sharded network is to
        have one.
    """
    if sharded and checkpoint:
        raise ValueError(
            "a sharded network's checkpoint isn't written here: see "
            "torch.distributed.checkpoint"
        )
    data = digits("train", settings.examples, device)
    torch.manual_seed(settings.seed)
    # fully_shard takes contiguous parameters, `place` may reorder them.
    model = LeNet().to(device) if sharded else place(LeNet(), device)
    wrapped = wrap(model, sharded)
    optimizer = torch.optim.SGD(
        model.parameters(), settings.learning_rate, settings.momentum
    )
    batches = list(settings.batches())[:steps]
    losses, start = torch.zeros(len(batches), device=device), 0
    if checkpoint is not None and Path(checkpoint).is_file():
        start = _load(checkpoint, settings, model, optimizer, losses)
    known = start  # up to here every process has the whole batch's losses
    for step, batch in enumerate(batches[start:], start):
        optimizer.param_groups[0]["lr"] = settings.rate(step)
        optimizer.zero_grad()
        for part in range(microbatches):
            with _averaging(wrapped, part == microbatches - 1):
                loss = share_of_loss(wrapped, data, batch, part, microbatches)
                loss.backward()
            losses[step] += loss.detach()
        optimizer.step()
        done = step + 1
        if checkpoint is not None and done % save_every == 0:
            known = _complete(losses, known, done)
            if rank() == 0:
                _save(checkpoint, settings, model, optimizer, losses[:done])
        if after_step is not None:
            after_step(done)
    _complete(losses, known, len(batches))
    return Trained(model, losses.tolist(), start)


def _averaging(wrapped, wanted):
    """Return a context: gradients are averaged in the last part only."""
    if isinstance(wrapped, DistributedDataParallel) and not wanted:
        return wrapped.no_sync()
    return contextlib.nullcontext()


def _complete(losses, start, end):
    """Average the shares of the losses over the processes, in place."""
    if dist.is_initialized() and end > start:
        part = losses[start:end].contiguous()
        dist.all_reduce(part)
        losses[start:end] = part / world_size()
    return end


def _save(path, settings, model, optimizer, losses):
    Checkpoint(
        model=model.state_dict(),
        optimizer=optimizer.state_dict(),
        losses=losses,
        rng={},
        progress={"settings": asdict(settings), "step": len(losses)},
    ).save(path)


def _load(path, settings, model, optimizer, losses):
    """Restore a run and return the number of steps that it has done."""
    saved = Checkpoint.load(path)
    if saved.progress["settings"] != asdict(settings):
        raise ValueError(
            f"{path} is of another run: its settings are "
            f"{saved.progress['settings']}, this run's are {asdict(settings)}"
        )
    model.load_state_dict(saved.model)
    optimizer.load_state_dict(saved.optimizer)
    step = saved.progress["step"]
    losses[:step] = saved.losses.to(losses.device)
    return step


def numbers_here(model: torch.nn.Module) -> int:
    """Return how many of the parameters this process holds."""
    return sum(
        (p.to_local() if hasattr(p, "to_local") else p).numel()
        for p in model.parameters()
    )


def whole_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters on the CPU; those of a sharded network gathered.

    Every process of the group must call this.
    """
    return {
        name: (p.full_tensor() if hasattr(p, "full_tensor") else p)
        .detach()
        .cpu()
        for name, p in model.named_parameters()
    }


def die(at_step: int) -> Callable[[int], None]:
    """Return an `after_step` that kills the last process, once.

    It is killed as by ``kill -9``: without a chance to clean up. After a
    restart by ``torchrun`` it lives.
    """

    def after_step(done: int) -> None:
        first = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if done == at_step and first and rank() == world_size() - 1:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    return after_step
