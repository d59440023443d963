"""Model the time of a data-parallel step on up to thousands of GPUs.

    step = compute · (1 + jitter · E_p) + max(0, all-reduce − hidden)

All p GPUs compute at once, and the slowest decides. If their times vary by a
standard deviation of `jitter`, as a share of the mean, then the slowest of p
is E_p standard deviations above the mean: the expected maximum of p standard
normal numbers. The all-reduce moves 2 (k-1)/k of the gradients' bytes through
each GPU's link inside a server and through each server's network card, and
each of its messages takes a fixed time more. What runs during the backward
pass is hidden.
"""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

BACKWARD_SHARE = 2 / 3  # of a step: two products for each one of the forward


def expected_maximum(count: int) -> float:
    """Return the expected maximum of so many standard normal numbers.

    Blom's approximation (1958): 4.5 % too large for 2 numbers, less than 1 %
    off from 8 on.
    """
    if count < 1:
        raise ValueError(f"count must be positive, got {count}")
    if count == 1:
        return 0.0
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def moved_share(count: int) -> float:
    """Return what a ring moves through each link: 2 (count - 1) / count."""
    return 2 * (count - 1) / count


@dataclass(frozen=True)
class Cluster:
    """Equal servers with equal GPUs.

    Attributes
    ----------
    gpus_per_server : int
    inside_gb_s : float
        Of a GPU's link to the others of its server, in one direction.
    link_gb_s : float
        Of a server's network card, in one direction.
    latency_s : float
        Fixed time of a message.
    algorithm : {"ring", "halving"}
        A ring of all GPUs, or halving and doubling between the servers: as
        many bytes in fewer messages.
    """

    gpus_per_server: int
    inside_gb_s: float
    link_gb_s: float
    latency_s: float = 0.0
    algorithm: str = "ring"

    def __post_init__(self):
        if self.algorithm not in ("ring", "halving"):
            raise ValueError(
                "algorithm must be 'ring' or 'halving', got "
                f"{self.algorithm!r}"
            )

    def messages(self, gpus: int) -> int:
        """Return the number of messages that wait for one another."""
        if self.algorithm == "ring":
            return 2 * (gpus - 1)
        inside = min(gpus, self.gpus_per_server)
        servers = math.ceil(gpus / self.gpus_per_server)
        return 2 * (inside - 1) + 2 * math.ceil(math.log2(servers))

    def all_reduce_s(self, bytes: float, gpus: int) -> float:
        """Return the seconds of an all-reduce of so many bytes."""
        inside = min(gpus, self.gpus_per_server)
        servers = math.ceil(gpus / self.gpus_per_server)
        seconds = moved_share(inside) * bytes / (self.inside_gb_s * 1e9)
        seconds += moved_share(servers) * bytes / (self.link_gb_s * 1e9)
        return seconds + self.messages(gpus) * self.latency_s


@dataclass(frozen=True)
class ScalingModel:
    """A data-parallel step.

    Attributes
    ----------
    compute_s : float
        A step of one GPU with its share of the batch.
    gradient_bytes : float
    cluster : Cluster
    jitter : float
        Standard deviation of `compute_s`, as a share of it.
    overlap : float
        The share of the backward pass during which the all-reduce can run.
    """

    compute_s: float
    gradient_bytes: float
    cluster: Cluster
    jitter: float = 0.0
    overlap: float = 1.0

    def parts_s(self, gpus: int) -> dict[str, float]:
        """Return the seconds of a step on so many GPUs, by cause."""
        hidden = self.overlap * BACKWARD_SHARE * self.compute_s
        reduce_s = self.cluster.all_reduce_s(self.gradient_bytes, gpus)
        waiting = self.jitter * expected_maximum(gpus)
        return {
            "compute": self.compute_s,
            "waiting for the slowest": waiting * self.compute_s,
            "all-reduce, not hidden": max(0.0, reduce_s - hidden),
        }

    def step_s(self, gpus: int) -> float:
        """Return the seconds of a step on so many GPUs."""
        return sum(self.parts_s(gpus).values())

    def efficiency(self, gpus: int, base: int = 1) -> float:
        """Return the throughput of a GPU as a share of that among `base`.

        The batch grows with the GPUs (weak scaling).
        """
        return self.step_s(base) / self.step_s(gpus)

    def strong_speedup(self, gpus: int) -> float:
        """Return how many times as fast one GPU's batch is on so many.

        The batch stays as it is and is divided (strong scaling). It is
        assumed that a GPU computes a part of the batch in that part of the
        time; small parts take longer.
        """
        divided = replace(self, compute_s=self.compute_s / gpus)
        return self.step_s(1) / divided.step_s(gpus)


def amdahl_speedup(processors: int, serial: float) -> float:
    """Return the speed-up of fixed work whose share `serial` stays serial."""
    return 1 / (serial + (1 - serial) / processors)


def gustafson_speedup(processors: int, serial: float) -> float:
    """Return the speed-up of work that grows with the processors.

    Parameters
    ----------
    processors : int
    serial : float
        The share of the time on all processors that is serial.
    """
    return serial + (1 - serial) * processors
