"""The roofline: how fast a kernel can be, from its FLOPs and its bytes.

    attainable FLOP/s = min(peak, intensity × bandwidth)

with the arithmetic intensity in FLOP/byte. Below the ridge, peak / bandwidth,
memory is the limit, above it arithmetic. It is a bound: nothing is faster, as
long as the bytes do come from memory and not from a cache.

Source: S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful
visual performance model for multicore architectures", Communications of the
ACM 52(4), 2009, doi:10.1145/1498765.1498785.
"""

import math
from dataclasses import dataclass

KINDS = ("measured here", "published", "modelled")
STYLES = ("-", "--", "-.", ":")
MARKERS = "osD^v"
GAP = 0.03  # that a name takes, as a share of the axis
LETTER_IN = 0.068  # of a name, in inches


@dataclass(frozen=True)
class Ceilings:
    """What a processor reaches at most.

    Attributes
    ----------
    name : str
    bandwidth_gb_s : float
        Of the memory, 1e9 bytes a second.
    peak_gflop_s : float
        Of the arithmetic, 1e9 FLOPs a second; a multiply-add is two.
    kind : {"measured here", "published", "modelled"}
    source : str
        How it was measured, or who says so.

    Raises
    ------
    ValueError
        If a figure isn't positive and finite, or `kind` is none of these.
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
    def ridge(self):
        """The intensity, in FLOP/byte, where the two limits meet."""
        return self.peak_gflop_s / self.bandwidth_gb_s

    def attainable_gflop_s(self, intensity):
        """Return min(peak, intensity × bandwidth), for FLOP/byte."""
        _check_amount("intensity", intensity)
        return min(self.peak_gflop_s, intensity * self.bandwidth_gb_s)

    def attainable_time_s(self, flops, bytes):
        """Return max(flops / peak, bytes / bandwidth), in seconds."""
        _check_amount("flops", flops)
        _check_amount("bytes", bytes)
        return max(
            flops / self.peak_gflop_s / 1e9, bytes / self.bandwidth_gb_s / 1e9
        )

    def limit(self, intensity):
        """Return which is the limit: ``"memory"`` or ``"arithmetic"``."""
        _check_amount("intensity", intensity)
        return "memory" if intensity < self.ridge else "arithmetic"


@dataclass(frozen=True)
class Work:
    """What a kernel has to do, and how long it took.

    Attributes
    ----------
    name : str
    flops : float
    bytes : float
        That have to go to and from memory.
    seconds : float or None
        Measured here, where it was.

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
    def intensity(self):
        """FLOP/byte."""
        return self.flops / self.bytes

    @property
    def gflop_s(self):
        """What was reached, in GFLOP/s, or None where no time is known."""
        if self.seconds is None:
            return None
        return self.flops / self.seconds / 1e9


def measured_ceilings(device="cpu", min_run_time_s=0.3):
    """Measure the ceilings of this machine: STREAM's triad and sgemm.

    Of each the best run counts: a roof is what nothing stands above, and on a
    busy machine a median does.

    See `gpu_course.machine_peaks` for what is timed, and its errors.

    Parameters
    ----------
    device : str or torch.device
    min_run_time_s : float
        For each of the two.
    """
    from gpu_course.machine_peaks import measured_bandwidth, measured_sgemm

    bandwidth = measured_bandwidth(device, min_run_time_s=min_run_time_s)
    arithmetic = measured_sgemm(device, min_run_time_s=min_run_time_s)
    return ceilings_of(bandwidth, arithmetic)


def ceilings_of(bandwidth, arithmetic):
    """Return the ceilings made of two `machine_peaks.Measured`.

    Raises
    ------
    ValueError
        If they aren't in GB/s and GFLOP/s, or not of one device.
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
        f"this machine ({bandwidth.device})", bandwidth.best, arithmetic.best,
        "measured here", f"{bandwidth.what}; {arithmetic.what}",
    )  # fmt: skip


@dataclass(frozen=True)
class BandwidthCurve:
    """The bandwidth by the size of what is worked on: caches, then memory.

    Attributes
    ----------
    bytes : tuple of float
        Sizes of all arrays together, increasing.
    gb_s : tuple of float
        Measured at these sizes.

    Raises
    ------
    ValueError
        If there are not as many, or the sizes don't increase.
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

    def at(self, bytes):
        """Return the bandwidth in GB/s, between sizes on a log scale."""
        _check_positive("bytes", bytes)
        import numpy as np

        sizes = np.log(self.bytes)
        return float(np.interp(math.log(bytes), sizes, self.gb_s))

    def ceilings(self, bytes, peak_gflop_s):
        """Return the `Ceilings` of what works on so many bytes."""
        return Ceilings(
            f"at {bytes / 2**20:.2g} MiB", self.at(bytes), peak_gflop_s,
            "measured here", "triad on arrays of this size",
        )  # fmt: skip

    def attainable_time_s(self, work, peak_gflop_s):
        """Return the roofline's seconds for a `Work` of this size."""
        roof = self.ceilings(work.bytes, peak_gflop_s)
        return roof.attainable_time_s(work.flops, work.bytes)


def measured_curve(
    device="cpu", array_mib=(1 / 16, 1 / 4, 1, 4, 16, 64), min_run_time_s=0.1
):
    """Measure the triad's bandwidth for arrays of several sizes.

    The fastest call counts, as STREAM has it.

    Parameters
    ----------
    device : str or torch.device
    array_mib : sequence of float
        Of each of three arrays.
    min_run_time_s : float
        For each size.

    Returns
    -------
    BandwidthCurve
    """
    from gpu_course.machine_peaks import measured_bandwidth

    rates = [
        measured_bandwidth(device, mib, min_run_time_s).best
        for mib in array_mib
    ]
    return BandwidthCurve(
        tuple(3 * mib * 2**20 for mib in array_mib), tuple(rates)
    )


def published_ceilings(processor):
    """Return the float32 ceilings of a row of `gpu_course.hardware`.

    Parameters
    ----------
    processor : hardware.Processor or str
        Or its name.

    Raises
    ------
    ValueError
        If there is no such processor, or a figure isn't published.
    """
    if isinstance(processor, str):
        from gpu_course.hardware import processor as named

        processor = named(processor)
    for figure in ("bandwidth_gb_s", "fp32_tflops"):
        if getattr(processor, figure) is None:
            raise ValueError(
                f"{figure} of {processor.name} isn't published: take another "
                "processor, or make Ceilings of figures of your own"
            )
    return Ceilings(
        processor.name, processor.bandwidth_gb_s,
        processor.fp32_tflops * 1e3, processor.figures, processor.source,
    )  # fmt: skip


def plot_roofline(ax, ceilings, works=()):
    """Draw roofs, and kernels under them, on logarithmic axes.

    A kernel stands at its intensity: as a filled mark at the rate that was
    measured, or as a hollow one on every roof if no time is known. Kernels
    of one intensity share a label, with the first and the last of them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    ceilings : sequence of Ceilings
    works : sequence of Work
        With some FLOPs: what does no arithmetic has no place here.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there are no ceilings, or a kernel has no FLOPs.
    """
    if not ceilings:
        raise ValueError("ceilings must hold at least one, got none")
    for work in works:
        if not work.flops:
            raise ValueError(
                f"{work.name} has no FLOPs, so no place on logarithmic axes: "
                "leave it out"
            )
    spots = [w.intensity for w in works] + [c.ridge for c in ceilings]
    left, right = min(spots) / 3, max(spots) * 4
    for number, roof in enumerate(ceilings):
        edge = [left, roof.ridge, right]
        ax.plot(
            edge, [roof.attainable_gflop_s(x) for x in edge],
            STYLES[number % len(STYLES)], color=f"C{number % 8}",
            label=f"{roof.name}, {roof.kind}",
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlim=(left, right))
    ax.set(xlabel="arithmetic intensity, FLOP/byte", ylabel="GFLOP/s")
    _set_rates(ax, ceilings, works, left)
    for number, (intensity, members) in enumerate(_grouped(works)):
        _draw_group(ax, number, intensity, members, ceilings)
    _label_groups(ax, _grouped(works), left, right)
    ax.legend(loc="upper left", fontsize=8)
    return ax


def _grouped(works):
    """Return intensity and members of works with (nearly) one intensity."""
    groups = []
    for work in sorted(works, key=lambda w: w.intensity):
        if groups and work.intensity < 1.02 * groups[-1][0]:
            groups[-1][1].append(work)
        else:
            groups.append((work.intensity, [work]))
    return groups


def _draw_group(ax, number, intensity, members, ceilings):
    roofs = [c.attainable_gflop_s(intensity) for c in ceilings]
    ax.plot(
        [intensity] * 2, [ax.get_ylim()[0], max(roofs)], ":", color="0.6",
        linewidth=0.8, zorder=1,
    )  # fmt: skip
    mark = MARKERS[number % len(MARKERS)]
    measured = [w.gflop_s for w in members if w.seconds]
    style = {"linestyle": "none", "markersize": 6, "color": "black"}
    if len(measured) < len(members):
        ax.plot([intensity] * len(roofs), roofs, mark, mfc="white", **style)
    if measured:
        ax.plot([intensity] * len(measured), measured, mark, **style)


def _set_rates(ax, ceilings, works, left):
    """Choose the rates shown, with room for the names below all else."""
    rates = [c.attainable_gflop_s(left) for c in ceilings]
    rates += [w.gflop_s for w in works if w.seconds]
    top = max(c.peak_gflop_s for c in ceilings) * 2 ** (1 + len(ceilings))
    low = min(*rates, top / 100)
    longest = max((len(_names(m)) for _, m in _grouped(works)), default=0)
    share = min(0.5, LETTER_IN * longest / ax.figure.get_figheight() / 0.8)
    ax.set_ylim(low / (top / low) ** (share / (1 - share)) / 1.3, top)
    ax.yaxis.set_minor_formatter("")


def _label_groups(ax, groups, left, right):
    """Write names upright above the axis, close to their lines.

    On the left of the line; on the right where the left isn't free.
    """
    span = math.log(right / left)
    places = [math.log(intensity / left) / span for intensity, _ in groups]
    taken = 0.0
    for place, (_, members) in zip(places, groups, strict=True):
        start = max(place - GAP, taken)
        if start > place - GAP:
            start = max(place, taken)
        taken = start + GAP
        ax.text(
            start + GAP / 2, 0.015, _names(members), rotation=90, fontsize=8,
            transform=ax.transAxes, ha="center", va="bottom",
        )  # fmt: skip


def _names(members):
    names = [work.name for work in members]
    return " … ".join(dict.fromkeys((names[0], names[-1])))


def _check_positive(name, value):
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


def _check_amount(name, value):
    if not 0 <= value < math.inf:
        raise ValueError(
            f"{name} must be finite and not negative, got {value}"
        )
