"""conv_input_gradient: each thread gathers a pixel's gradient from windows."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake, edited

PLACE = 5
TITLE = "The gradient of a convolution's input"
TASK = (
    "`dy` is the gradient of the output of a convolution with one "
    "channel, stride 1, no padding, and the filter `w`. Write the "
    "gradient of its input into `dx`, whatever was there before: one "
    "thread for each pixel, which gathers from the windows that cover "
    "it."
)

STARTER = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def conv_input_gradient(dy, w, dx):
    v, u = cuda.grid(2)
    if u < dx.shape[0] and v < dx.shape[1]:
        total = np.float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                i, j = u + r, v + s
                if i < dy.shape[0] and j < dy.shape[1]:
                    total += dy[i, j] * w[r, s]
        dx[u, v] = total
"""

SOLUTION = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def conv_input_gradient(dy, w, dx):
    v, u = cuda.grid(2)
    if u < dx.shape[0] and v < dx.shape[1]:
        total = np.float32(0)
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                i, j = u - r, v - s
                rows = i >= 0 and i < dy.shape[0]
                if rows and j >= 0 and j < dy.shape[1]:
                    total += dy[i, j] * w[r, s]
        dx[u, v] = total
"""

SCATTERED = """\
from gpu_course import cuda


@cuda.jit
def conv_input_gradient(dy, w, dx):
    j, i = cuda.grid(2)
    if i < dy.shape[0] and j < dy.shape[1]:
        for r in range(w.shape[0]):
            for s in range(w.shape[1]):
                dx[i + r, j + s] += dy[i, j] * w[r, s]
"""
BLOCK = 32, 2


def specification(dy, w, dx):
    dx[:] = 0
    for (r, s), weight in np.ndenumerate(w):
        dx[r : r + dy.shape[0], s : s + dy.shape[1]] += dy * weight


def as_forward(dy, w, dx):
    padded = np.zeros_like(dx)
    padded[: dy.shape[0], : dy.shape[1]] = dy
    filled = np.pad(padded, ((0, w.shape[0] - 1), (0, w.shape[1] - 1)))
    dx[:] = 0
    for (r, s), weight in np.ndenumerate(w):
        dx += weight * filled[r : r + dx.shape[0], s : s + dx.shape[1]]


def turned_filter(dy, w, dx):
    specification(dy, w[::-1, ::-1], dx)


def cases():
    random, launches = generator(), []
    for shape, window in (
        ((1, 1), (1, 1)),
        ((1, 1), (2, 3)),
        ((2, 5), (3, 1)),
        ((4, 3), (2, 4)),
        ((9, 7), (3, 3)),
        ((6, 38), (2, 3)),
        ((131, 90), (5, 4)),
    ):
        dy = random.normal(size=shape).astype(np.float32)
        w = random.normal(size=window).astype(np.float32)
        rows, columns = (np.add(shape, window) - 1).tolist()
        dx = unwritten((rows, columns))
        grid = blocks_for(columns, BLOCK[0]), blocks_for(rows, BLOCK[1])
        launches.append(Launch(grid, BLOCK, (dy, w, dx), shape[0] < 100))
    return launches


TOLERANCE = 1e-5
WRONG = (
    ("as_forward", "u - r, v - s", "u + r, v + s"),
    ("turned_filter", "w[r, s]", "w[w.shape[0] - 1 - r, w.shape[1] - 1 - s]"),
    ("negative_index", "rows = i >= 0 and ", "rows = "),
    (
        "out_of_bounds",
        " and j < dy.shape[1]:\n                    total",
        ":\n                    total",
    ),
    edited(SCATTERED, "scatters"),
    (
        "work_not_shared",
        "    if u < dx.shape[0] and v < dx.shape[1]:\n",
        "    if u > 0 or v > 0:\n        return\n"
        "    for uv in range(dx.size):\n"
        "        u, v = uv // dx.shape[1], uv % dx.shape[1]\n",
    ),
)
HINTS = (
    "Window (i, j) covers the pixels (i + r, j + s). Which windows cover "
    "the pixel (u, v)?",
    "i = u - r and j = v - s, for every r and s, but only if there is "
    "such a window.",
    "total += dy[u - r, v - s] * w[r, s] where both indices are at least "
    "0 and below dy's shape.",
)
MISTAKES = (
    Mistake(
        "scatters",
        "It gives the share of each window away: several "
        "threads add to one pixel, and to what was there before. A "
        "thread that owns a pixel gathers all of its shares.",
        when=lambda seen: any(
            one.finding and one.finding.kind == "non_atomic_update"
            for one in seen
        ),
    ),
    Mistake(
        "as_forward",
        "This goes forward: it takes the windows that "
        "begin at u + r, not those that cover u.",
        gives=as_forward,
    ),
    Mistake(
        "turned_filter",
        "The filter is turned by 180 degrees once "
        "too often: u - r does so already.",
        gives=turned_filter,
    ),
)
