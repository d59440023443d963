"""Model and draw copies that overlap with computation, part by part.

A GPU copies and computes at the same time if three things hold: the copy is
queued in a different stream from the kernels, the host doesn't wait for it,
and the host's memory is pinned, so that the operating system can't move it
during the copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.common.drawing import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def overlapped_times(
    copy_s: float, compute_s: float, chunks: int
) -> list[tuple[float, float, float, float]]:
    """Return the modelled times when each chunk is copied and computed on.

    Copies follow one another, and so do computations. The computation on chunk
    i starts once the chunk is copied and chunk i - 1 is done.

    Parameters
    ----------
    copy_s, compute_s : float
        Seconds for all the data; each chunk takes an equal part.
    chunks : int

    Returns
    -------
    list of tuple
        For each chunk the start and end of its copy, then those of its
        computation.
    """
    if chunks < 1:
        raise ValueError(f"chunks must be at least 1, got {chunks}")
    copy, compute = copy_s / chunks, compute_s / chunks
    times, free = [], 0.0
    for number in range(chunks):
        there = (number + 1) * copy
        start = max(there, free)
        free = start + compute
        times.append((number * copy, there, start, free))
    return times


def draw_overlap(
    ax: Axes, copy_s: float, compute_s: float, chunks: int
) -> Axes:
    """Draw the modelled times as two rows of bars, in milliseconds."""
    times = overlapped_times(copy_s, compute_s, chunks)
    for row, (name, colour) in enumerate(
        (("copy", ORANGE), ("compute", BLUE))
    ):
        bars = [
            (1e3 * t[2 * row], 1e3 * (t[2 * row + 1] - t[2 * row]))
            for t in times
        ]
        ax.broken_barh(
            bars, (-row, 0.8), label=name, facecolor=colour, edgecolor="white"
        )
    ax.set_yticks([0.4, -0.6], ["copy", "compute"])
    done = 1e3 * times[-1][-1]
    parts = f"{chunks} part" + "s" * (chunks > 1)
    ax.set_title(f"{parts}: {done:.1f} ms", fontsize=10)
    return ax
