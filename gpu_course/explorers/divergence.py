"""What a branch does to a warp: it runs both bodies, one after the other."""

from typing import TYPE_CHECKING

import numpy as np

from gpu_course import cuda
from gpu_course.common.drawing import draw_thread, draw_warp, frame
from gpu_course.explorers.controls import Explorer, explorer, menu

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LANES, WARPS = 32, 2
CONDITIONS = {
    "t % 2 == 0": lambda t: t % 2 == 0,
    "t < 8": lambda t: t < 8,
    "t < 32": lambda t: t < 32,
    "t < 40": lambda t: t < 40,
    "t % 32 == 0": lambda t: t % 32 == 0,
    "True": lambda t: t >= 0,
}


@cuda.jit
def branch(flags, out):
    """Each thread goes one way or the other."""
    t = cuda.threadIdx.x
    if flags[t]:
        out[t] = 1
    else:
        out[t] = 2


def traced_efficiency(condition: str = "t % 2 == 0") -> float:
    """Trace two warps that branch on a condition of the thread index.

    Parameters
    ----------
    condition : str
        One of `CONDITIONS`.

    Returns
    -------
    float
        Active lanes over all lanes of the warps that executed a body.
    """
    if condition not in CONDITIONS:
        raise ValueError(
            f"condition must be one of {', '.join(CONDITIONS)}, got "
            f"{condition!r}"
        )
    flags = CONDITIONS[condition](np.arange(LANES * WARPS))
    out = np.zeros(LANES * WARPS, np.int32)
    report = branch.trace[1, LANES * WARPS](flags, out)
    return report.branch_efficiency


def draw_divergence(ax: "Axes", condition: str = "t % 2 == 0") -> "Axes":
    """Draw two warps in the two bodies of a branch.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    condition : str
        One of `CONDITIONS`.
    """
    efficiency = traced_efficiency(condition)
    flags = CONDITIONS[condition](np.arange(LANES * WARPS))
    for warp in range(WARPS):
        mine = flags[warp * LANES : (warp + 1) * LANES]
        for row, (name, active) in enumerate((("if", mine), ("else", ~mine))):
            y = -3.4 * warp - 1.3 * row
            if active.any():
                draw_warp(ax, -0.6, y - 0.55, 33.2, 1.1, warp)
            ax.text(
                -1,
                y,
                f"warp {warp}, {name} ",
                ha="right",
                va="center",
                fontsize=8,
            )
            for lane in range(LANES):
                draw_thread(
                    ax, lane + 0.5, y, str(lane), active[lane], 0.42, 6
                )
    ax.set_title(
        f"if {condition}: branch efficiency {100 * efficiency:.1f} %",
        fontsize=10,
        loc="left",
    )
    return frame(ax, -6, 33, -5.6, 1)


def explore_divergence() -> Explorer:
    """Return the picture with a menu."""
    return explorer(
        draw_divergence, (8, 1.9), condition=menu("if", list(CONDITIONS))
    )


def rehearse() -> None:
    """Launch the kernel, to fix its argument types."""
    traced_efficiency()
