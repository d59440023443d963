"""A time with all that it depends on, and the steps every timing shares."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpu_course.timing.clocks import has_gpu
from gpu_course.timing.medians import median_interval, quartile_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import torch

    from gpu_course.timing.clocks import Surroundings

TRANSFERS = ("none", "in", "in and out")
NOISY = 0.1  # interquartile range over median
BUSY = 0.5  # cores that other programs use


@dataclass(frozen=True)
class Timing:
    """How long a call takes, measured here.

    Attributes
    ----------
    label : str
    median_s, iqr_s : float
        Median and interquartile range, in seconds for one call.
    repeats, calls : int
        Number of timed repeats, and of calls in all of them.
    times : tuple of float
        Seconds for one call, in each repeat.
    precision : float
        Half of the median's 95 % interval, as a share of the median.
    device : str
    threads : int
        CPU threads that torch used.
    transfers : {"none", "in", "in and out"}
        Which copies between host and device the times include.
    load : float or None
        Cores that other programs kept busy meanwhile.
    clock_mhz : float or None
        The GPU's clock for a timing on CUDA, else the CPU's.
    warning : str or None
        Why the times may be unreliable.
    """

    label: str
    median_s: float
    iqr_s: float
    repeats: int
    calls: int
    times: tuple = field(repr=False)
    precision: float
    device: str
    threads: int
    transfers: str
    load: float | None
    clock_mhz: float | None
    warning: str | None

    def __str__(self):
        copies = {"none": "no transfers"}.get(
            self.transfers, f"transfers {self.transfers}"
        )
        text = (
            f"{self.label}: {duration(self.median_s)} "
            f"± {self.precision:.1%} (IQR {duration(self.iqr_s)}, "
            f"{self.repeats:,} repeats, {self.calls:,} calls) on "
            f"{self.device}, {self.threads} thread"
            f"{'s' * (self.threads > 1)}, {copies}"
        )
        if self.load is not None:
            text += f"; others kept {self.load:.1f} cores busy"
        if self.clock_mhz is not None:
            text += f"; {self.clock_mhz:,.0f} MHz"
        return text + (f"\n  {self.warning}" if self.warning else "")


def duration(seconds: float) -> str:
    """Return seconds as text with three digits: ``1.23 ms``."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def checked_device(
    device: str | torch.device | None, transfers: str, precision: float | None
) -> str:
    """Return the device as text; raise ValueError for invalid arguments."""
    if transfers not in TRANSFERS:
        raise ValueError(
            f"transfers must be one of {', '.join(TRANSFERS)}, "
            f"got {transfers!r}"
        )
    if precision is not None and not 0 < precision < 1:
        raise ValueError(
            f"precision must be a share between 0 and 1, got {precision}"
        )
    if device is None:
        return "not stated" if has_gpu() else "cpu"
    return str(device)


def name_of(function: Callable[..., Any], label: str | None) -> str:
    """Return the label, or else the function's name."""
    return label or str(getattr(function, "__name__", type(function).__name__))


def warm_up(
    functions: Iterable[Callable[[], Any]],
    seconds: float,
    clock: Callable[[], float],
) -> None:
    """Call each function at least once and for this many seconds.

    This compiles it, fills caches and lets clocks rise.
    """
    for function in functions:
        end = clock() + seconds
        function()
        while clock() < end:
            function()


def precision_of(times: Sequence[float]) -> float:
    """Return half of the median's interval as a share; infinite if unknown."""
    interval = median_interval(times)
    if interval.confidence < 0.95:
        return math.inf  # too few values
    return (interval.high - interval.low) / 2 / statistics.median(times)


def timing_of(
    label: str,
    times: Sequence[float],
    calls: int,
    device: str,
    threads: int,
    transfers: str,
    around: Surroundings,
    precision: float | None,
) -> Timing:
    """Return the `Timing` of measured times, with any warning."""
    median_s, iqr_s = statistics.median(times), quartile_range(times)
    reached, notes = precision_of(times), []
    if iqr_s > NOISY * median_s:
        notes.append(
            f"noisy: half of the times spread over {iqr_s / median_s:.0%} of "
            "the median"
        )
    if precision is not None and reached > precision:
        notes.append(
            f"known to {reached:.1%}, not to the {precision:.1%} asked for; "
            "give it more time"
        )
    if notes and around.load is not None and around.load > BUSY:
        notes.append(
            f"other programs kept {around.load:.1f} cores busy; close them"
        )
    warning = "warning: " + "; ".join(notes) if notes else None
    return Timing(
        label,
        median_s,
        iqr_s,
        len(times),
        calls,
        tuple(times),
        reached,
        device,
        threads,
        transfers,
        around.load,
        around.clock_mhz,
        warning,
    )
