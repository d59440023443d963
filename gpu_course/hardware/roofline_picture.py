"""Draw the roofline: ceilings as lines, works as points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from gpu_course.hardware.roofline import Ceilings, Work

STYLES = ("-", "--", "-.", ":")
MARKERS = "osD^v"
GAP = 0.03  # width of a name, as a share of the axis
LETTER_IN = 0.068  # length of a letter, in inches


def plot_roofline(
    ax: Axes, ceilings: Sequence[Ceilings], works: Sequence[Work] = ()
) -> Axes:
    """Draw roofs, and kernels under them, on logarithmic axes.

    A kernel is drawn at its intensity: as a filled mark at its measured rate,
    or as a hollow mark on every roof if no time is known. Kernels of the same
    intensity share a label, which names the first and the last of them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    ceilings : sequence of Ceilings
    works : sequence of Work
        Each needs some FLOPs, as logarithmic axes have no zero.

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
            edge,
            [roof.attainable_gflop_s(x) for x in edge],
            STYLES[number % len(STYLES)],
            color=f"C{number % 8}",
            label=f"{roof.name}, {roof.kind}",
        )
    ax.set(xscale="log", yscale="log", xlim=(left, right))
    ax.set(xlabel="arithmetic intensity, FLOP/byte", ylabel="GFLOP/s")
    _set_rates(ax, ceilings, works, left)
    for number, (intensity, members) in enumerate(_grouped(works)):
        _draw_group(ax, number, intensity, members, ceilings)
    _label_groups(ax, _grouped(works), left, right)
    ax.legend(loc="upper left", fontsize=8)
    return ax


def _grouped(works):
    """Return (intensity, members) of works with nearly equal intensity."""
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
        [intensity] * 2,
        [ax.get_ylim()[0], max(roofs)],
        ":",
        color="0.6",
        linewidth=0.8,
        zorder=1,
    )
    mark = MARKERS[number % len(MARKERS)]
    measured = [w.gflop_s for w in members if w.seconds]
    style = {"linestyle": "none", "markersize": 6, "color": "black"}
    if len(measured) < len(members):
        ax.plot([intensity] * len(roofs), roofs, mark, mfc="white", **style)
    if measured:
        ax.plot([intensity] * len(measured), measured, mark, **style)


def _set_rates(ax, ceilings, works, left):
    """Set the range of rates, with room for the names at the bottom."""
    rates = [c.attainable_gflop_s(left) for c in ceilings]
    rates += [w.gflop_s for w in works if w.seconds]
    top = max(c.peak_gflop_s for c in ceilings) * 2 ** (1 + len(ceilings))
    low = min(*rates, top / 100)
    longest = max((len(_names(m)) for _, m in _grouped(works)), default=0)
    share = min(0.5, LETTER_IN * longest / ax.figure.get_figheight() / 0.8)
    ax.set_ylim(low / (top / low) ** (share / (1 - share)) / 1.3, top)
    ax.yaxis.set_minor_formatter("")


def _label_groups(ax, groups, left, right):
    """Write names vertically above the axis, close to their lines.

    A name goes to the left of its line, or to the right if the left isn't
    free.
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
            start + GAP / 2,
            0.015,
            _names(members),
            rotation=90,
            fontsize=8,
            transform=ax.transAxes,
            ha="center",
            va="bottom",
        )


def _names(members):
    names = [work.name for work in members]
    return " … ".join(dict.fromkeys((names[0], names[-1])))
