"""The roofline: how fast a kernel can be, from its FLOPs and its bytes.

    attainable FLOP/s = min(peak, intensity × bandwidth)

Here the arithmetic intensity is in FLOP/byte. The ridge is at peak /
bandwidth: below it memory is the limit, above it arithmetic. The roofline is a
bound: nothing is faster, as long as the bytes come from memory and not from a
cache.

Source: S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful
visual performance model for multicore architectures", Communications of the
ACM 52(4), 2009, doi:10.1145/1498765.1498785.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from gpu_course.hardware.measured_peaks import Measured
    from gpu_course.hardware.published import Processor

KINDS = ("measured here", "published", "modelled")


@dataclass(frozen=True)
class Ceilings:
    """The highest rates that a processor can reach.

    Attributes
    ----------
    name : str
    bandwidth_gb_s : float
        Bandwidth of the memory, in 1e9 bytes a second.
    peak_gflop_s : float
        Peak of the arithmetic, in 1e9 FLOPs a second; a multiply-add is two.
    kind : {"measured here", "published", "modelled"}
    source : str
        How the figures were measured, or who published them.

    Raises
    ------
    ValueError
        If a figure isn't positive and finite, or `kind` is invalid.
    """

    name: str
    bandwidth_gb_s: float
    peak_gflop_s: float
    kind: str
    source: str

    def __post_init__(self):
        _check_positive("bandwidth_gb_s", self.bandwidth_gb_s)
        _check_positive("peak_gflop_s", self.peak_gflop_s)
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")

    @property
    def ridge(self) -> float:
        """The intensity, in FLOP/byte, where the two limits meet."""
        return self.peak_gflop_s / self.bandwidth_gb_s

    def attainable_gflop_s(self, intensity: float) -> float:
        """Return min(peak, intensity × bandwidth), for FLOP/byte."""
        _check_amount("intensity", intensity)
        return min(self.peak_gflop_s, intensity * self.bandwidth_gb_s)

    def attainable_time_s(self, flops: float, bytes: float) -> float:
        """Return max(flops / peak, bytes / bandwidth), in seconds."""
        _check_amount("flops", flops)
        _check_amount("bytes", bytes)
        return max(
            flops / self.peak_gflop_s / 1e9, bytes / self.bandwidth_gb_s / 1e9
        )

    def limit(self, intensity: float) -> str:
        """Return the limiting resource: ``"memory"`` or ``"arithmetic"``."""
        _check_amount("intensity", intensity)
        return "memory" if intensity < self.ridge else "arithmetic"


@dataclass(frozen=True)
class Work:
    """The work of a kernel, and the time it took.

    Attributes
    ----------
    name : str
    flops : float
    bytes : float
        Bytes that have to go to and from memory.
    seconds : float or None
        The time measured here; None if it wasn't.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or `bytes` or `seconds` is 0.
    """

    name: str
    flops: float
    bytes: float
    seconds: float | None = None

    def __post_init__(self):
        _check_amount("flops", self.flops)
        _check_positive("bytes", self.bytes)
        if self.seconds is not None:
            _check_positive("seconds", self.seconds)

    @property
    def intensity(self) -> float:
        """The arithmetic intensity, in FLOP/byte."""
        return self.flops / self.bytes

    @property
    def gflop_s(self) -> float | None:
        """The rate reached, in GFLOP/s, or None if no time is known."""
        if self.seconds is None:
            return None
        return self.flops / self.seconds / 1e9


def measured_ceilings(
    device: str | torch.device = "cpu", min_run_time_s: float = 0.3
) -> Ceilings:
    """Measure the ceilings of this machine: STREAM's triad and sgemm.

    The best run of each counts: nothing may lie above a roof, and on a busy
    machine some runs lie above the median.

    See `gpu_course.hardware.measured_peaks` for what is timed, and its errors.

    Parameters
    ----------
    device : str or torch.device
    min_run_time_s : float
        For each of the two measurements.
    """
    from gpu_course.hardware.measured_peaks import (
        measured_bandwidth,
        measured_sgemm,
    )

    bandwidth = measured_bandwidth(device, min_run_time_s=min_run_time_s)
    arithmetic = measured_sgemm(device, min_run_time_s=min_run_time_s)
    return ceilings_of(bandwidth, arithmetic)


def ceilings_of(bandwidth: Measured, arithmetic: Measured) -> Ceilings:
    """Return the ceilings made from two `measured_peaks.Measured`.

    Raises
    ------
    ValueError
        If they aren't in GB/s and GFLOP/s, or are of different devices.
    """
    units = bandwidth.unit, arithmetic.unit
    if units != ("GB/s", "GFLOP/s"):
        raise ValueError(
            "a bandwidth in GB/s and a rate in GFLOP/s are needed, got "
            f"{units}"
        )
    if bandwidth.device != arithmetic.device:
        raise ValueError(
            "both must be of one device, got "
            f"{bandwidth.device} and {arithmetic.device}"
        )
    return Ceilings(
        f"this machine ({bandwidth.device})",
        bandwidth.best,
        arithmetic.best,
        "measured here",
        f"{bandwidth.what}; {arithmetic.what}",
    )


@dataclass(frozen=True)
class BandwidthCurve:
    """Bandwidth against the size of the data: first caches, then memory.

    Attributes
    ----------
    bytes : tuple of float
        Sizes of all arrays together, increasing.
    gb_s : tuple of float
        Bandwidths measured at these sizes.

    Raises
    ------
    ValueError
        If the lengths differ, or the sizes don't increase.
    """

    bytes: tuple
    gb_s: tuple

    def __post_init__(self):
        if not 0 < len(self.bytes) == len(self.gb_s):
            raise ValueError(
                "a bandwidth is needed for each size, got "
                f"{len(self.bytes)} sizes and {len(self.gb_s)} bandwidths"
            )
        if list(self.bytes) != sorted(set(self.bytes)):
            raise ValueError(f"the sizes must increase, got {self.bytes}")

    def at(self, bytes: float) -> float:
        """Return the bandwidth in GB/s, interpolated in log size."""
        _check_positive("bytes", bytes)
        import numpy as np

        sizes = np.log(self.bytes)
        return float(np.interp(math.log(bytes), sizes, self.gb_s))

    def ceilings(self, bytes: float, peak_gflop_s: float) -> Ceilings:
        """Return the `Ceilings` of work on this many bytes."""
        return Ceilings(
            f"at {bytes / 2**20:.2g} MiB",
            self.at(bytes),
            peak_gflop_s,
            "measured here",
            "triad on arrays of this size",
        )

    def attainable_time_s(self, work: Work, peak_gflop_s: float) -> float:
        """Return the roofline's seconds for a `Work` of this size."""
        roof = self.ceilings(work.bytes, peak_gflop_s)
        return roof.attainable_time_s(work.flops, work.bytes)


def measured_curve(
    device: str | torch.device = "cpu",
    array_mib: Sequence[float] = (1 / 16, 1 / 4, 1, 4, 16, 64),
    min_run_time_s: float = 0.1,
) -> BandwidthCurve:
    """Measure the triad's bandwidth for arrays of several sizes.

    The fastest call counts, as in STREAM.

    Parameters
    ----------
    device : str or torch.device
    array_mib : sequence of float
        Sizes of each of three arrays.
    min_run_time_s : float
        For each size.

    Returns
    -------
    BandwidthCurve
    """
    from gpu_course.hardware.measured_peaks import measured_bandwidth

    rates = [
        measured_bandwidth(device, mib, min_run_time_s).best
        for mib in array_mib
    ]
    return BandwidthCurve(
        tuple(3 * mib * 2**20 for mib in array_mib), tuple(rates)
    )


def published_ceilings(processor: Processor | str) -> Ceilings:
    """Return the float32 ceilings of a row of `gpu_course.hardware.published`.

    Parameters
    ----------
    processor : hardware.Processor or str
        The processor or its name.

    Raises
    ------
    ValueError
        If there is no such processor, or a figure isn't published.
    """
    if isinstance(processor, str):
        from gpu_course.hardware.published import processor as named

        processor = named(processor)
    for figure in ("bandwidth_gb_s", "fp32_tflops"):
        if getattr(processor, figure) is None:
            raise ValueError(
                f"{figure} of {processor.name} isn't published: take another "
                "processor, or make Ceilings of figures of your own"
            )
    assert processor.bandwidth_gb_s is not None
    assert processor.fp32_tflops is not None
    return Ceilings(
        processor.name,
        processor.bandwidth_gb_s,
        processor.fp32_tflops * 1e3,
        processor.figures,
        processor.source,
    )


def _check_positive(name, value):
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


def _check_amount(name, value):
    if not 0 <= value < math.inf:
        raise ValueError(
            f"{name} must be finite and not negative, got {value}"
        )
