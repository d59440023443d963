"""A sum of many numbers as a tree, step by step."""

import numpy as np

from gpu_course.drawing import MEMORY, draw_cell, draw_thread, frame
from gpu_course.explorers.controls import explorer, menu, slider

WAYS = ("neighbours", "halves")


def reduction_steps(values, way="halves"):
    """Return the partial sums after each step, and who added what.

    Parameters
    ----------
    values : sequence of numbers
        A power of two of them.
    way : {"neighbours", "halves"}
        Add the element 1, 2, 4, … to the right; or that of the upper half,
        then of the upper quarter, and so on.

    Returns
    -------
    states : list of array
        The first is ``values``.
    additions : list of list of (int, int)
        For each step: who adds, to its own element, and from where.
    """
    count = len(values)
    if way not in WAYS or count & (count - 1) or not count:
        raise ValueError(
            f"way must be one of {', '.join(WAYS)} and the number of values "
            f"a power of two, got {way!r} and {count}"
        )
    states, additions = [np.array(values)], []
    distance = 1 if way == "neighbours" else count // 2
    while 0 < distance < count:
        now = states[-1].copy()
        if way == "neighbours":
            adding = range(0, count, 2 * distance)
        else:
            adding = range(distance)
        step = [(t, t + distance) for t in adding]
        distance = distance * 2 if way == "neighbours" else distance // 2
        for to, source in step:
            now[to] += now[source]
        states.append(now)
        additions.append(step)
    return states, additions


def draw_reduction(ax, way="halves", step=4, count=16):
    """Draw the sums of 1, 2, 3, … up to a step.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    way : {"neighbours", "halves"}
    step : int
        How many steps; more than there are draws all.
    count : int
        Elements, a power of two.
    """
    states, additions = reduction_steps(np.arange(1, count + 1), way)
    height = 2.6
    for row, state in enumerate(states[: step + 1]):
        y = -height * row
        for i, value in enumerate(state):
            used = row == 0 or any(i == to for to, _ in additions[row - 1])
            draw_cell(ax, i, y, str(value), MEMORY if used else "white")
        if row == min(step, len(additions)):
            break
        active = {t for t, _ in additions[row]}
        for t in range(count):
            draw_thread(ax, t + 0.5, y - 1.15, str(t), t in active, 0.32, 7)
        for t, source in additions[row]:
            ax.plot([source + 0.5, t + 0.5], [y, y - 0.85], color="0.5",
                    linewidth=0.8)  # fmt: skip
    busy = [len(a) for a in additions[:step]]
    ax.set_title(
        f"{way}: active threads in each step {busy}", fontsize=10, loc="left"
    )
    return frame(ax, -0.3, count + 0.3, -height * (len(states) - 1) - 0.3,
                 1.1)  # fmt: skip


def explore_reduction():
    """Return the picture with controls."""
    return explorer(
        draw_reduction, (8, 5.2), way=menu("add", list(WAYS), "halves"),
        step=slider("steps", 1, 0, 4),
    )  # fmt: skip
