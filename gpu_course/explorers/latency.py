"""How many warps hide memory latency: a model of one warp scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from gpu_course.common.drawing import IDLE, SKY, YELLOW
from gpu_course.explorers.controls import Explorer, explorer, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WAITING, READY, ISSUING = range(3)


def timeline(
    warps: int, work: int, latency: int, cycles: int = 200
) -> np.ndarray:
    """Model warps on one warp scheduler that alternately work and wait.

    Each warp issues ``work`` instructions, one in each cycle in which the
    scheduler picks it, then waits ``latency`` cycles for memory. The scheduler
    stays with a warp until that waits, then takes the warp that has been
    ready longest.

    Parameters
    ----------
    warps, work, latency, cycles : int
        At least 1; the latency may be 0.

    Returns
    -------
    int array (warps, cycles)
        `WAITING`, `READY` or `ISSUING`.
    """
    if min(warps, work, cycles) < 1 or latency < 0:
        raise ValueError(
            "warps, work and cycles must be at least 1 and latency at least "
            f"0, got {warps}, {work}, {cycles} and {latency}"
        )
    states = np.zeros((warps, cycles), int)
    left = [work] * warps  # instructions until the next load
    ready_at, chosen = [0] * warps, 0
    for cycle in range(cycles):
        ready = [w for w in range(warps) if ready_at[w] <= cycle]
        states[ready, cycle] = READY
        if not ready:
            continue
        if chosen not in ready:
            chosen = min(ready, key=ready_at.__getitem__)
        states[chosen, cycle] = ISSUING
        left[chosen] -= 1
        if not left[chosen]:
            left[chosen] = work
            ready_at[chosen] = cycle + 1 + latency
    return states


def utilisation(warps: int, work: int, latency: int) -> float:
    """Return the share of cycles that issue: min(1, w c / (c + L)).

    It is for w warps that each issue c instructions, then wait L cycles.
    """
    return min(1.0, warps * work / (work + latency))


def draw_latency(
    ax: Axes,
    warps: int = 4,
    work: int = 4,
    latency: int = 36,
    cycles: int = 120,
) -> Axes:
    """Draw what each warp does in each cycle."""
    states = timeline(warps, work, latency, cycles)
    colours = ListedColormap([IDLE, YELLOW, SKY])
    ax.imshow(
        states,
        cmap=colours,
        vmin=0,
        vmax=2,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set_yticks(range(0, warps, max(1, warps // 8)))
    ax.set(xlabel="cycle (modelled)", ylabel="warp")
    ax.grid(visible=False)
    busy = utilisation(warps, work, latency)
    handles = [
        Patch(facecolor=c, edgecolor="black", label=name)
        for c, name in ((SKY, "issues"), (YELLOW, "ready"), (IDLE, "waits"))
    ]
    ax.legend(
        handles=handles,
        ncols=3,
        fontsize=8,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0.1,
    )
    ax.set_title(
        f"{warps} warps, {work} instructions then {latency} cycles'"
        f" wait: busy {100 * busy:.0f} %",
        fontsize=10,
        loc="left",
    )
    return ax


def explore_latency() -> Explorer:
    """Return the picture with sliders; blue issues, yellow is ready."""
    return explorer(
        draw_latency,
        (8, 2.6),
        warps=slider("warps", 4, 1, 32),
        work=slider("instructions", 4, 1, 20),
        latency=slider("latency", 36, 0, 100),
    )
