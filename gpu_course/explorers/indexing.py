"""Which thread of which block handles which element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Circle, Rectangle

from gpu_course.common.drawing import (
    WARPS,
    draw_cell,
    draw_thread,
    draw_warp,
    frame,
)
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WARP = 32
MOST = 64  # threads that are drawn
MOST_COLUMNS, MOST_ROWS = 16, 8  # threads of a 2-D grid that are drawn


def draw_indexing(
    ax: Axes, n: int = 10, threads: int = 4, blocks: int = 3
) -> Axes:
    """Draw the threads of a 1-D grid above the elements that they handle.

    Threads without an element are hollow; elements without a thread are
    hatched.

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
            Rectangle(
                (x - 0.1, 1.6),
                threads + 0.2,
                1.3,
                facecolor="none",
                edgecolor=WARPS[0],
                linewidth=1.2,
            )
        )
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
        f"{left} left over",
        fontsize=10,
    )
    return frame(ax, -4.2, max(right, 6), -0.3, 3.9)


def explore_indexing() -> Explorer:
    """Return the picture with sliders."""
    return explorer(
        draw_indexing,
        (8, 2.2),
        n=slider("elements", 10, 0, 64),
        threads=slider("threads a block", 4, 1, 16),
        blocks=slider("blocks", 3, 1, 4),
    )


def place_2d(
    column: int, row: int, threads_x: int = 8, threads_y: int = 4
) -> tuple[tuple[int, int], tuple[int, int], int, int]:
    """Return an element's block, thread, warp and lane.

    The threads of a block are numbered along x first, and every 32 in a row
    form a warp.

    Parameters
    ----------
    column, row : int
        What ``cuda.grid(2)`` returns, x first.
    threads_x, threads_y : int
        Threads in a block.

    Returns
    -------
    block, thread : tuple of (int, int)
        ``blockIdx`` and ``threadIdx``, x first.
    warp, lane : int
        The warp's number in its block.
    """
    block_x, x = divmod(column, threads_x)
    block_y, y = divmod(row, threads_y)
    warp, lane = divmod(y * threads_x + x, WARP)
    return (block_x, block_y), (x, y), warp, lane


def draw_indexing_2d(
    ax: Axes,
    columns: int = 13,
    rows: int = 7,
    threads_x: int = 8,
    threads_y: int = 4,
    column: int = 10,
    row: int = 2,
) -> Axes:
    """Draw a 2-D grid over an array, and mark one of its threads.

    Each warp of a block is a band, and threads beyond the array are hollow.
    The picked thread has a ring, and the threads of its warp show their lane
    numbers.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    columns, rows : int
        Size of the array. The grid is the smallest that covers it.
    threads_x, threads_y : int
        Threads in a block.
    column, row : int
        The picked thread in the grid; past the end, the last thread.

    Raises
    ------
    ValueError
        If the grid is empty or larger than 16 × 8 threads.
    """
    across = -(-columns // max(1, threads_x))
    down = -(-rows // max(1, threads_y))
    if (
        min(columns, rows, threads_x, threads_y) < 1
        or across * threads_x > MOST_COLUMNS
        or down * threads_y > MOST_ROWS
        or min(column, row) < 0
    ):
        raise ValueError(
            f"this draws grids of 1 to {MOST_COLUMNS} × {MOST_ROWS} threads, "
            f"got blocks of {threads_x} × {threads_y} on {columns} × {rows} "
            f"elements and the thread at {column}, {row}"
        )
    column = min(column, across * threads_x - 1)
    row = min(row, down * threads_y - 1)
    gap = 0.6

    def corner(c, r):
        return c + gap * (c // threads_x), -r - gap * (r // threads_y) - 1

    block, thread, warp, lane = place_2d(column, row, threads_x, threads_y)
    for r in range(down * threads_y):
        for c in range(across * threads_x):
            where, (first, _), its_warp, number = place_2d(
                c, r, threads_x, threads_y
            )
            x, y = corner(c, r)
            if first == 0 or number == 0:  # a warp's threads in this row
                width = min(threads_x - first, WARP - number)
                draw_warp(ax, x, y, width, 1, its_warp)
            with_it = (where, its_warp) == (block, warp)
            draw_thread(
                ax,
                x + 0.5,
                y + 0.5,
                str(number) if with_it else "",
                c < columns and r < rows,
                0.4,
                7,
            )
    for block_y in range(down):
        for block_x in range(across):
            x, y = corner(block_x * threads_x, (block_y + 1) * threads_y - 1)
            ax.add_patch(
                Rectangle(
                    (x - 0.12, y - 0.12),
                    threads_x + 0.24,
                    threads_y + 0.24,
                    facecolor="none",
                    edgecolor="black",
                    linewidth=1.2,
                )
            )
    x, y = corner(column, row)
    ax.add_patch(
        Circle(
            (x + 0.5, y + 0.5),
            0.5,
            facecolor="none",
            linewidth=2.5,
            edgecolor="black",
            zorder=3,
        )
    )
    inside = column < columns and row < rows
    ax.set_title(
        f"{columns} × {rows} elements, {across} × {down} blocks. The ring: "
        f"blockIdx {block}, threadIdx {thread},\nwarp {warp} of the block, "
        f"lane {lane}; column {column}, row {row}: "
        + ("has an element" if inside else "no element, the guard stops it"),
        fontsize=9,
        loc="left",
    )
    right, bottom = corner(across * threads_x - 1, down * threads_y - 1)
    return frame(ax, -0.3, max(right, 15) + 1.3, bottom - 0.3, 0.3)


def explore_indexing_2d() -> Explorer:
    """Return the picture of 13 × 7 elements with controls."""
    return explorer(
        draw_indexing_2d,
        (8, 3.6),
        threads_x=menu("block x", [4, 8, 16], 8),
        threads_y=menu("block y", [1, 2, 4, 8], 4),
        column=slider("column", 10, 0, MOST_COLUMNS - 1),
        row=slider("row", 2, 0, MOST_ROWS - 1),
    )
