"""pool_gradient: the gradient goes to where the maximum was."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch, Mistake, edited

PLACE = 3
TITLE = "Where the maximum was"
TASK = (
    "`dy` is the gradient of the 2×2 max-pooling, stride 2, of the image "
    "`x`. Write the gradient of `x` into `dx`, which holds zeros, one "
    "thread for each window. Where a maximum occurs twice, the first "
    "one, row by row, gets the gradient. A last odd row or column of x "
    "is in no window."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def pool_gradient(x, dy, dx):
    j, i = cuda.grid(2)
    if i < dy.shape[0] and j < dy.shape[1]:
        for r in range(2):
            for s in range(2):
                dx[2 * i + r, 2 * j + s] = dy[i, j]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def pool_gradient(x, dy, dx):
    j, i = cuda.grid(2)
    if i < dy.shape[0] and j < dy.shape[1]:
        u, v = 2 * i, 2 * j
        for r in range(2):
            for s in range(2):
                if x[2 * i + r, 2 * j + s] > x[u, v]:
                    u, v = 2 * i + r, 2 * j + s
        dx[u, v] = dy[i, j]
"""
BLOCK = 32, 2


def cells(array, shape):
    """Return a view (P, Q, 2, 2) of the windows."""
    p, q = shape
    inside = array[: 2 * p, : 2 * q].reshape(p, 2, q, 2)
    return inside.transpose(0, 2, 1, 3)


def chosen(x, dy, dx, pick):
    """Write dy to the pixel that `pick` chooses in each window of four."""
    windows = cells(x, dy.shape)
    for i, j in np.ndindex(dy.shape):
        r, s = divmod(int(pick(windows[i, j].ravel())), 2)
        dx[2 * i + r, 2 * j + s] = dy[i, j]


def specification(x, dy, dx):
    chosen(x, dy, dx, np.argmax)


def last_maximum(x, dy, dx):
    chosen(x, dy, dx, lambda four: 3 - np.argmax(four[::-1]))


def all_maxima(x, dy, dx):
    for i, j in np.ndindex(dy.shape):
        four = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        part = dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        part[four == four.max()] = dy[i, j]


def to_all(x, dy, dx):
    cells(dx, dy.shape)[:] = dy[:, :, None, None]


def quarters(x, dy, dx):
    cells(dx, dy.shape)[:] = dy[:, :, None, None] / 4


def cases():
    random, launches = generator(), []
    for rows, columns in (
        (2, 2),
        (3, 5),
        (2, 9),
        (14, 3),
        (13, 41),
        (8, 128),
        (301, 203),
    ):
        x = random.integers(-2, 3, (rows, columns)).astype(np.float32)
        p, q = rows // 2, columns // 2
        dy = random.normal(size=(p, q)).astype(np.float32)
        grid = blocks_for(q, BLOCK[0]), blocks_for(p, BLOCK[1])
        launches.append(
            Launch(grid, BLOCK, (x, dy, np.zeros_like(x)), rows < 100)
        )
    return launches


WRONG = (
    ("last_maximum", "] > x[u, v]", "] >= x[u, v]"),
    (
        "all_maxima",
        "        dx[u, v] = dy[i, j]\n",
        "        for r in range(2):\n"
        "            for s in range(2):\n"
        "                if x[2 * i + r, 2 * j + s] == x[u, v]:\n"
        "                    dx[2 * i + r, 2 * j + s] = dy[i, j]\n",
    ),
    edited(STARTER, "quarters", "= dy[i, j]", "= dy[i, j] / 4"),
    (
        "out_of_bounds",
        "i < dy.shape[0] and j < dy.shape[1]",
        "i < dy.shape[0]",
    ),
    (
        "work_not_shared",
        "    if i < dy.shape[0] and j < dy.shape[1]:\n        u, v",
        "    if i > 0 or j > 0:\n        return\n"
        "    for ij in range(dy.size):\n"
        "        i, j = ij // dy.shape[1], ij % dy.shape[1]\n"
        "        u, v",
    ),
)
HINTS = (
    "Which of the four pixels changes the output if it is raised a little?",
    "Find the place of the maximum, beginning with the first pixel, and "
    "write once.",
    "u, v = 2 * i, 2 * j; go through the four, take a place over if its "
    "value is greater than x[u, v]; at the end dx[u, v] = dy[i, j].",
)
MISTAKES = (
    Mistake(
        "last_maximum",
        "Of several equal maxima it takes the last; "
        "only a greater value should take the place over.",
        gives=last_maximum,
    ),
    Mistake(
        "all_maxima",
        "Of several equal maxima each gets the "
        "gradient: together they get too much.",
        gives=all_maxima,
    ),
    Mistake(
        "to_all",
        "All four pixels get the gradient; three of them "
        "don't change the output.",
        gives=to_all,
    ),
    Mistake(
        "quarters",
        "That is the gradient of the mean of four. The "
        "maximum depends on one pixel.",
        gives=quarters,
    ),
)
