"""Which thread of which block has which element."""

from matplotlib.patches import Rectangle

from gpu_course.drawing import (
    WARPS,
    draw_cell,
    draw_thread,
    draw_warp,
    frame,
)
from gpu_course.explorers.controls import explorer, slider

WARP = 32
MOST = 64  # threads that are drawn


def draw_indexing(ax, n=10, threads=4, blocks=3):
    """Draw the threads of a 1-D grid above the elements that they have.

    Threads that have none are hollow; elements that nobody has are hatched.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    n : int
        Elements.
    threads, blocks : int
        Threads in a block, and blocks in the grid.

    Raises
    ------
    ValueError
        If there are more than 64 threads or elements to draw.
    """
    total = threads * blocks
    if min(threads, blocks) < 1 or total > MOST or not 0 <= n <= MOST:
        raise ValueError(
            f"this draws 1 to {MOST} threads and 0 to {MOST} elements, "
            f"got {blocks} × {threads} threads and {n} elements"
        )
    gap = 0.6
    for i in range(total):
        block, thread = divmod(i, threads)
        x = i + gap * block
        draw_thread(ax, x, 2.2, str(thread), active=i < n)
        if i < n:
            draw_cell(ax, x - 0.5, 0, str(i))
            ax.plot([x, x], [1.75, 0.85], color="0.5", linewidth=0.8)
    for block in range(blocks):
        x = block * (threads + gap) - 0.5
        ax.add_patch(
            Rectangle((x - 0.1, 1.6), threads + 0.2, 1.3, facecolor="none",
                      edgecolor=WARPS[0], linewidth=1.2)
        )  # fmt: skip
        ax.text(x, 3.25, f"blockIdx.x = {block}", fontsize=8)
        for first in range(0, threads, WARP):
            width = min(WARP, threads - first)
            draw_warp(ax, x + first, 1.7, width, 1.0, block)
    end = total + gap * blocks
    for number, i in enumerate(range(total, n)):
        draw_cell(ax, end + number - 0.5, 0, str(i), "white", hatch="///")
    right = end + max(0, n - total)
    ax.text(-0.6, 2.2, "threadIdx.x ", ha="right", va="center", fontsize=8)
    ax.text(-0.6, 0.4, "element i ", ha="right", va="center", fontsize=8)
    idle, left = max(0, total - n), max(0, n - total)
    ax.set_title(
        f"{blocks} × {threads} = {total} threads, {n} elements: {idle} idle, "
        f"{left} left over", fontsize=10,
    )  # fmt: skip
    return frame(ax, -4.2, max(right, 6), -0.3, 3.9)


def explore_indexing():
    """Return the picture with sliders."""
    return explorer(
        draw_indexing, (8, 2.2), n=slider("elements", 10, 0, 64),
        threads=slider("threads a block", 4, 1, 16),
        blocks=slider("blocks", 3, 1, 4),
    )  # fmt: skip
