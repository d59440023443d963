"""Model the time of work on a GPU, from counts and published figures.

    time = launches · t_launch + max(FLOPs / peak, bytes / bandwidth)
           + copied bytes / link

This is the roofline plus two costs that small work can't escape: launches and
copies. For a traced kernel, whose memory requests are known, shared memory is
a third resource:

    time = max(sectors · 32 B / bandwidth, FLOPs / peak,
               wavefronts / (multiprocessors · clock))

Each part is the time of one resource that works without a pause. The model
leaves out caches, which answer sectors that were read before, and latency,
which only many warps hide. Peak and bandwidth are published figures. A real
kernel takes longer; chapter 43 shows how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpu_course.hardware.roofline import Ceilings, published_ceilings

if TYPE_CHECKING:
    from collections.abc import Sequence

# An elementwise kernel of 65,536 float16 numbers on a GeForce RTX 5090 takes
# 4.1 µs, and memory accounts for 0.2 µs: `measurements`, NVIDIA/cccl, PR 7391.
LAUNCH_S = 4e-6


@dataclass(frozen=True)
class ModelledGpu:
    """The figures of a GPU that the model needs; None where unpublished.

    Attributes
    ----------
    ceilings : roofline.Ceilings
        Bandwidth of the device memory, and float32 peak.
    multiprocessors : int
        Number of multiprocessors. Each answers one wavefront of shared memory
        per cycle: 32 banks of 32 bits (NVIDIA, CUDA Programming Guide, on
        shared memory).
    clock_ghz : float or None
        Boost clock.
    link_gb_s : float or None
        Bandwidth between host and GPU, in one direction.
    launch_s : float
        Fixed time of each launch.
    """

    ceilings: Ceilings
    multiprocessors: int
    clock_ghz: float | None
    link_gb_s: float | None
    launch_s: float = LAUNCH_S

    @property
    def name(self) -> str:
        return self.ceilings.name

    def time_s(
        self,
        flops: float,
        bytes: float,
        copied_bytes: float = 0,
        launches: int = 1,
    ) -> float:
        """Return the modelled seconds of kernels, launches and copies.

        Parameters
        ----------
        flops, bytes : float
            Totals of all kernels. Bytes are those to and from the GPU's own
            memory.
        copied_bytes : float
            Bytes copied between host and GPU, both directions together.
        launches : int

        Raises
        ------
        ValueError
            If a number is negative, or the link isn't published.
        """
        for name, value in (
            ("copied_bytes", copied_bytes),
            ("launches", launches),
        ):
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        seconds = self.ceilings.attainable_time_s(flops, bytes)
        if copied_bytes:
            seconds += copied_bytes / self._known("link_gb_s") / 1e9
        return launches * self.launch_s + seconds

    def parts_s(self, report: Any, repeats: float = 1) -> dict[str, float]:
        """Return the seconds of each resource in a traced launch.

        Parameters
        ----------
        report : cuda.report.Report
        repeats : float
            How many times the traced launch's work is done.

        Returns
        -------
        dict of str to float
            ``memory``, ``arithmetic`` and ``shared memory``.

        Raises
        ------
        ValueError
            If the clock isn't published.
        """
        time_s = self.ceilings.attainable_time_s
        cycles = report.shared_wavefronts / self.multiprocessors
        parts = {
            "memory": time_s(0, report.global_sectors * 32),
            "arithmetic": time_s(report.flops, 0),
            "shared memory": cycles / self._known("clock_ghz") / 1e9,
        }
        return {name: repeats * seconds for name, seconds in parts.items()}

    def traced_time_s(self, report: Any, repeats: float = 1) -> float:
        """Return the largest of `parts_s`."""
        return max(self.parts_s(report, repeats).values())

    def _known(self, figure):
        value = getattr(self, figure)
        if value is None:
            raise ValueError(
                f"{figure} of {self.name} isn't published: take another GPU, "
                "or make a ModelledGpu of figures of your own"
            )
        return value


def modelled_gpu(name: str) -> ModelledGpu:
    """Return the model of a GPU in `hardware.processors`.

    Raises
    ------
    ValueError
        If no GPU has that name, or its peak or bandwidth isn't published.
    """
    from gpu_course.hardware.published import links, processor

    found = processor(name)
    if found.kind != "gpu":
        raise ValueError(f"{found.name} is a CPU: name a GPU")
    rates: dict[int | None, float] = {
        link.generation: link.one_way_gb_s
        for link in links()
        if link.kind == "pcie"
    }
    mhz = found.peak_clock_mhz
    return ModelledGpu(
        published_ceilings(found),
        found.sms,
        mhz and mhz / 1e3,
        rates.get(found.pcie_generation),
    )


def crossover(
    sizes: Sequence[int], here_s: Sequence[float], there_s: Sequence[float]
) -> int | None:
    """Return the smallest size from which the second is always faster.

    Parameters
    ----------
    sizes : sequence of int
        Increasing.
    here_s, there_s : sequence of float
        Seconds at each size.

    Returns
    -------
    int or None
        None if the second isn't faster at the largest size.

    Raises
    ------
    ValueError
        If the sequences differ in length, or the sizes don't increase.
    """
    if not len(sizes) == len(here_s) == len(there_s):
        raise ValueError(
            "a time is needed for each size, got "
            f"{len(sizes)} sizes, {len(here_s)} and {len(there_s)} times"
        )
    if list(sizes) != sorted(set(sizes)):
        raise ValueError(f"the sizes must increase, got {list(sizes)}")
    found = None
    for size, here, there in zip(sizes, here_s, there_s, strict=True):
        if there >= here:
            found = None
        elif found is None:
            found = size
    return found
