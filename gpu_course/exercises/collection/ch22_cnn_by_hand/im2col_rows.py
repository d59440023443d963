"""im2col_rows: write each window as a row of a matrix."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 4
TITLE = "Windows as rows"
TASK = (
    "`x` is an image with the axes (C, H, W). Write each of its windows, "
    "`window` × `window` pixels of all channels at stride 1, into a row "
    "of `rows`: the windows row by row, and within one the channels in "
    "turn. One thread for each element of `rows`."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def im2col_rows(x, window, rows):
    place, row = cuda.grid(2)
    if row < rows.shape[0] and place < rows.shape[1]:
        across = x.shape[2] - window + 1
        i, j = row // across, row % across
        r, s = place // window % window, place % window
        rows[row, place] = x[0, i + r, j + s]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def im2col_rows(x, window, rows):
    place, row = cuda.grid(2)
    if row < rows.shape[0] and place < rows.shape[1]:
        across = x.shape[2] - window + 1
        i, j = row // across, row % across
        c, rest = place // (window * window), place % (window * window)
        r, s = rest // window, rest % window
        rows[row, place] = x[c, i + r, j + s]
"""
BLOCK = 32, 2


def views(x, window):
    """Return the windows (P, Q, C, R, S)."""
    view = np.lib.stride_tricks.sliding_window_view(
        x, (window, window), (1, 2)
    )
    return view.transpose(1, 2, 0, 3, 4)


def specification(x, window, rows):
    rows[:] = views(x, window).reshape(rows.shape)


def one_channel(x, window, rows):
    specification(np.broadcast_to(x[:1], x.shape), window, rows)


def channels_last(x, window, rows):
    rows[:] = views(x, window).transpose(0, 1, 3, 4, 2).reshape(rows.shape)


def turned(x, window, rows):
    rows[:] = views(x, window).swapaxes(3, 4).reshape(rows.shape)


def cases():
    random, launches = generator(), []
    for shape, window in (
        ((1, 1, 1), 1),
        ((2, 3, 2), 2),
        ((1, 4, 6), 3),
        ((3, 5, 4), 2),
        ((2, 5, 9), 3),
        ((4, 5, 6), 4),
        ((6, 40, 31), 5),
    ):
        x = random.normal(size=shape).astype(np.float32)
        c, height, width = shape
        count = (height - window + 1) * (width - window + 1)
        rows = unwritten((count, c * window**2))
        grid = blocks_for(c * window**2, BLOCK[0]), blocks_for(count, BLOCK[1])
        launches.append(Launch(grid, BLOCK, (x, window, rows), height < 40))
    return launches


WRONG = (
    ("one_channel", "x[c, i", "x[0, i"),
    (
        "channels_last",
        "c, rest = place // (window * window), place % (window * window)",
        "c, rest = place % x.shape[0], place // x.shape[0]",
    ),
    ("wrong_axis", "i + r, j + s", "i + s, j + r"),
    (
        "out_of_bounds",
        "row < rows.shape[0] and place < rows.shape[1]",
        "row < rows.shape[0]",
    ),
    (
        "work_not_shared",
        "    if row < rows.shape[0] and place < rows.shape[1]:",
        "    if row >= rows.shape[0] or place > 0:\n        return\n"
        "    for place in range(rows.shape[1]):",
    ),
)
HINTS = (
    "Which pixel of which channel does the element (row, place) hold?",
    "Divide twice: row gives the window's corner i, j; place gives the "
    "channel and what is left of it the place r, s in the window.",
    "c, rest = place // (window * window), place % (window * window); "
    "r, s = rest // window, rest % window; x[c, i + r, j + s].",
)
MISTAKES = (
    Mistake(
        "one_channel",
        "Every channel's columns hold channel 0.",
        gives=one_channel,
    ),
    Mistake(
        "channels_last",
        "The channels of a pixel stand side by "
        "side. Here all of channel 0 comes first.",
        gives=channels_last,
    ),
    Mistake(
        "wrong_axis",
        "Rows and columns of each window are exchanged.",
        gives=turned,
    ),
)
