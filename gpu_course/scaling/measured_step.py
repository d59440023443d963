"""Time the parts of a data-parallel step, in the processes of a group.

The parts are measured in turn, again and again, so that another program that
takes the processor disturbs all of them alike.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np
import torch
import torch.distributed as dist

from gpu_course.common.device import place
from gpu_course.scaling.data_parallel import (
    Settings,
    digits,
    rank,
    share_of_loss,
    world_size,
    wrap,
)
from gpu_course.scaling.scaling_model import (
    Cluster,
    ScalingModel,
    expected_maximum,
)
from gpu_course.training.lenet import LeNet

SIZES = (4_096, 4_194_304)  # bytes of the all-reduces that are timed


@dataclass(frozen=True)
class StepTimes:
    """Seconds of the parts; each tuple has one for each round.

    Attributes
    ----------
    alone : tuple
        Process 0's share of a step, while the other processes wait.
    together : tuple of tuple
        The same for each process while all compute, gradients not averaged.
    slowest : tuple
        The same from process 0's start to the end of the last process: other
        programs may let one start late.
    averaged : tuple
        A whole data-parallel step, in process 0.
    reductions : tuple of tuple
        An all-reduce of each size in `SIZES`.
    gradient_bytes : int
    processes : int
    """

    alone: tuple
    together: tuple
    slowest: tuple
    averaged: tuple
    reductions: tuple
    gradient_bytes: int
    processes: int

    def efficiency(self) -> float:
        """Return the throughput of a process among all, as a share."""
        return median(self.alone) / median(self.averaged)

    def model(self) -> ScalingModel:
        """Return a model from the parts; the whole step isn't used."""
        small, large = map(median, self.reductions)
        messages = 2 * (self.processes - 1)
        latency_s = small / messages
        moved = messages / self.processes * SIZES[1]
        gb_s = moved / max(large - small, 1e-9) / 1e9
        middle = float(np.median(self.together))
        waiting = max(0.0, median(self.slowest) / middle - 1)
        return ScalingModel(
            compute_s=middle,
            gradient_bytes=self.gradient_bytes,
            cluster=Cluster(self.processes, gb_s, gb_s, latency_s),
            jitter=waiting / expected_maximum(self.processes),
            overlap=0.0,  # a LeNet's gradients are one message, at the end
        )


def measure_steps(settings: Settings, rounds: int = 15) -> dict:
    """Measure in every process of the group; return process 0's times.

    Parameters
    ----------
    settings : Settings
        `batch_size` is that of all processes together.
    rounds : int

    Returns
    -------
    dict
        The fields of `StepTimes`, for JSON.
    """
    device = torch.device("cpu")
    data = digits("train", settings.examples, device)
    torch.manual_seed(settings.seed)
    # Two networks: a wrapped one talks to the others now and then, even if
    # its gradients aren't to be averaged.
    local, shared = (place(LeNet(), device) for _ in range(2))
    wrapped = wrap(shared)
    rate = settings.learning_rate
    optimizers = {
        network: torch.optim.SGD(network.parameters(), rate)
        for network in (local, wrapped)
    }
    batches = list(settings.batches())
    flat = [torch.zeros(size // 4) for size in SIZES]

    def step(network, batch):
        optimizers[network].zero_grad()
        share_of_loss(network, data, batch).backward()
        optimizers[network].step()

    def timed(work):
        dist.barrier()
        start = time.perf_counter()  # one clock for all processes here
        work()
        return start, time.perf_counter()

    rows = []
    for number in range(rounds + 2):
        batch = batches[number % len(batches)]

        def alone(batch=batch):
            if rank() == 0:
                step(local, batch)

        rows.append(
            [
                timed(alone),
                timed(lambda batch=batch: step(local, batch)),
                timed(lambda batch=batch: step(wrapped, batch)),
                *(timed(lambda x=x: dist.all_reduce(x)) for x in flat),
            ]
        )
    clock = torch.tensor(rows[2:], dtype=torch.float64)  # rounds, parts, ends
    seconds = (clock[:, :, 1] - clock[:, :, 0]).T.tolist()
    alone_s, _, averaged, *reductions = map(tuple, seconds)
    ours = clock[:, 1].contiguous()
    everyone = [torch.zeros_like(ours) for _ in range(world_size())]
    dist.all_gather(everyone, ours)
    both = torch.stack(everyone)  # processes, rounds, start and end
    last = both[:, :, 1].max(dim=0).values
    return asdict(
        StepTimes(
            alone_s,
            tuple(map(tuple, (both[:, :, 1] - both[:, :, 0]).tolist())),
            tuple((last - both[0, :, 0]).tolist()),
            averaged,
            tuple(reductions),
            sum(4 * p.numel() for p in local.parameters()),
            world_size(),
        )
    )


def times_of(fields: dict) -> StepTimes:
    """Return the `StepTimes` of what `measure_steps` returned."""
    return StepTimes(
        **{
            name: _tuples(value) if isinstance(value, Sequence) else value
            for name, value in fields.items()
        }
    )


def _tuples(value):
    if isinstance(value, Sequence):
        return tuple(map(_tuples, value))
    return value
