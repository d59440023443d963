"""A sum of many numbers as a tree, step by step."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Rectangle
from numba import int32

from gpu_course import cuda
from gpu_course.common.drawing import (
    MEMORY,
    draw_cell,
    draw_thread,
    draw_warp,
    frame,
)
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gpu_course.cuda.report import Report


WARP, BLOCK = 32, 256
HEIGHT = 2.6  # between two rows of partial sums


@cuda.jit
def neighbours(x, steps, most, out):
    """Every 2nd thread adds its neighbour, every 4th, and so on."""
    parts = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    parts[t] = x[t]
    cuda.syncthreads()
    for k in range(steps):
        distance = 1 << k
        if t % (2 * distance) == 0:
            parts[t] += parts[t + distance]
        cuda.syncthreads()
    if t < most:
        out[t] = parts[t]


@cuda.jit
def neighbours_strided(x, steps, most, out):
    """Add the same pairs by the first threads."""
    parts = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    parts[t] = x[t]
    cuda.syncthreads()
    for k in range(steps):
        distance = 1 << k
        i = 2 * distance * t
        if i < x.size:
            parts[i] += parts[i + distance]
        cuda.syncthreads()
    if t < most:
        out[t] = parts[t]


@cuda.jit
def halves(x, steps, most, out):
    """Add the upper half onto the lower, by the first threads."""
    parts = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    parts[t] = x[t]
    cuda.syncthreads()
    for k in range(steps):
        distance = x.size >> (k + 1)
        if t < distance:
            parts[t] += parts[t + distance]
        cuda.syncthreads()
    if t < most:
        out[t] = parts[t]


@cuda.jit
def shuffle(x, steps, most, out):
    """Each lane adds the register of a lane further on."""
    t = cuda.threadIdx.x
    own = x[t] if t < x.size else int32(0)
    for k in range(steps):
        distance = min(x.size, 32) >> (k + 1)
        own += cuda.shfl_down_sync(0xFFFFFFFF, own, distance)
    if cuda.laneid < most:
        cuda.atomic.add(out, cuda.laneid, own)


KERNELS = {
    "neighbours": neighbours,
    "neighbours, strided": neighbours_strided,
    "halves": halves,
    "shuffle": shuffle,
}
WAYS = tuple(KERNELS)


def reduction_steps(
    values: Sequence[float] | np.ndarray, way: str = "halves"
) -> tuple[list[np.ndarray], list[list[tuple[int, int, int]]]]:
    """Return the partial sums after each step, and each step's additions.

    Parameters
    ----------
    values : sequence of numbers
        Their number is a power of two. For shuffles it is at most 32, the
        lanes of a warp; lanes without a value hold zero.
    way : {"neighbours", "neighbours, strided", "halves", "shuffle"}
        "neighbours" adds the element 1, 2, 4, … to the right, by the thread
        with that element's index; "neighbours, strided" by the first
        threads. "halves" adds the upper half to the lower, then the next
        quarter, and so on, in shared memory; "shuffle" in registers.

    Returns
    -------
    states : list of array
        The first is ``values``.
    additions : list of list of (int, int, int)
        For each step: the thread, the element that it adds to, and the
        element that it adds. Shuffles from lanes without a value are left
        out.
    """
    count = len(values)
    if way not in WAYS or count & (count - 1) or not count:
        raise ValueError(
            f"way must be one of {', '.join(WAYS)} and the number of values "
            f"a power of two, got {way!r} and {count}"
        )
    if way == "shuffle" and count > WARP:
        raise ValueError(f"a warp has {WARP} lanes, got {count} values")
    states, additions = [np.array(values)], []
    for k in range(count.bit_length() - 1):
        distance = 1 << k if "neighbours" in way else count >> (k + 1)
        if way == "neighbours":
            step = [(t, t, t + distance) for t in range(0, count, 2 << k)]
        elif way == "neighbours, strided":
            step = [
                (t, i, i + distance)
                for t, i in enumerate(range(0, count, 2 << k))
            ]
        elif way == "halves":
            step = [(t, t, t + distance) for t in range(distance)]
        else:
            step = [(t, t, t + distance) for t in range(count - distance)]
        now = states[-1].copy()
        for _, to, source in step:
            now[to] += states[-1][source]
        states.append(now)
        additions.append(step)
    return states, additions


@functools.cache
def traced_tree(way: str = "halves", count: int = BLOCK) -> "Report":
    """Trace the sum of one block; return the launch's report.

    Parameters
    ----------
    way : {"neighbours", "neighbours, strided", "halves", "shuffle"}
    count : int
        Numbers and threads: a power of two, at least 32.
    """
    x, out = np.ones(count, np.int32), np.zeros(1, np.int32)
    most = WARP if way == "shuffle" else count
    steps = most.bit_length() - 1
    return KERNELS[way].trace[1, count, 0, 4 * count](x, steps, 1, out)


def _told(way):
    """Return a text that sums up the trace of a whole block."""
    report = traced_tree(way)
    branches = f"branches {100 * report.branch_efficiency:.1f} % full"
    if sum(line.body_lanes > 0 for line in report.lines.values()) == 1:
        branches = "no branch in the tree"  # only the final if
    sums = f", {BLOCK // WARP} sums are left" if way == "shuffle" else ""
    return (
        f"{BLOCK} numbers, traced: {branches}, {report.shared_wavefronts} "
        f"turns of shared memory, {report.barriers} barriers{sums}"
    )


def _link(ax, ends, colours):
    """Draw lines between pairs of points."""
    ax.add_collection(LineCollection(ends, colors=colours, linewidths=0.8))


def _draw_pending(ax, rows, count, discs):
    """Draw pale, empty places for the results of later steps."""
    pale = {"facecolor": "none", "edgecolor": "0.8", "linewidth": 0.8}
    for row in rows:
        y = -HEIGHT * row
        for i in range(count):
            ax.add_patch(
                Circle((i + 0.5, y + 0.4), 0.46, **pale)
                if discs
                else Rectangle((i, y), 1, 0.8, **pale)
            )


def _draw_registers(ax, states, additions, step):
    """Draw lanes with their sums, and the additions between lanes."""
    count = len(states[0])
    for row, state in enumerate(states[: step + 1]):
        y = -HEIGHT * row + 0.4
        draw_warp(ax, 0, y - 0.6, count, 1.2)
        needed = count >> row
        for t, value in enumerate(state):
            draw_thread(
                ax, t + 0.5, y, str(value), True, 0.46, 8 if t < needed else 6
            )
        if row:
            step_before = additions[row - 1]
            _link(
                ax,
                [
                    [(s + 0.5, y + HEIGHT - 0.5), (t + 0.5, y + 0.5)]
                    for _, t, s in step_before
                ],
                ["0.2" if t < needed else "0.75" for _, t, _ in step_before],
            )
    ax.text(-0.3, 0.4, "lanes ", ha="right", va="center", fontsize=8)


def _draw_memory(ax, states, additions, step):
    """Draw the cells of shared memory and, below, the threads that add."""
    count = len(states[0])
    for row, state in enumerate(states[: step + 1]):
        y = -HEIGHT * row
        for i, value in enumerate(state):
            new = row == 0 or any(i == to for _, to, _ in additions[row - 1])
            draw_cell(ax, i, y, str(value), MEMORY if new else "white")
        if row == min(step, len(additions)):
            break
        active = {t: places for t, *places in additions[row]}
        for t in range(count):
            draw_thread(ax, t + 0.5, y - 1.0, str(t), t in active, 0.32, 7)
        _link(
            ax,
            [
                [(place + 0.5, y), (t + 0.5, y - 0.68)]
                for t, places in active.items()
                for place in places
            ],
            "0.5",
        )
        _link(
            ax,
            [
                [(t + 0.5, y - 1.32), (to + 0.5, y - HEIGHT + 0.8)]
                for t, (to, _) in active.items()
            ],
            "black",
        )
    ax.text(-0.3, 0.4, "memory ", ha="right", va="center", fontsize=8)
    if step and additions:
        ax.text(-0.3, -1, "threads ", ha="right", va="center", fontsize=8)


def draw_reduction(
    ax: "Axes", way: str = "halves", step: int = 4, count: int = 16
) -> "Axes":
    """Draw the partial sums of 1, 2, 3, …, up to a step of the tree.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    way : {"neighbours", "neighbours, strided", "halves", "shuffle"}
    step : int
        How many steps to draw; a larger number draws all of them.
    count : int
        Elements, a power of two.
    """
    states, additions = reduction_steps(np.arange(1, count + 1), way)
    draw = _draw_registers if way == "shuffle" else _draw_memory
    draw(ax, states, additions, step)
    pending = range(step + 1, len(states))
    _draw_pending(ax, pending, count, discs=way == "shuffle")
    busy = f"active threads in each step {[len(a) for a in additions[:step]]}"
    if way == "shuffle":
        busy = "all lanes are active in each step"
    ax.set_title(f"{way}: {busy};\n{_told(way)}", fontsize=9, loc="left")
    return frame(ax, -2.2, count + 0.3, -HEIGHT * (len(states) - 1) - 0.4, 1.1)


def explore_reduction() -> Explorer:
    """Return the picture with controls."""
    return explorer(
        draw_reduction,
        (8, 5.4),
        way=menu("add", list(WAYS), "halves"),
        step=slider("steps", 1, 0, 4),
    )


def rehearse() -> None:
    """Launch the kernels, to fix their argument types."""
    for way in WAYS:
        traced_tree(way)
