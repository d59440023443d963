"""scale_all: a grid-stride loop, for any number of threads."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Launch
from gpu_course.exercises.checking.limits import coalesced

PLACE = 4
TITLE = "More elements than threads"
TASK = (
    "Multiply every element of `x` by `factor`, whatever the number of "
    "threads: each thread takes an element, then the one a whole grid "
    "further on, and so on."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def scale_all(x, factor):
    i = cuda.grid(1)
    if i < x.size:
        x[i] *= factor
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def scale_all(x, factor):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        x[i] *= factor
"""


def specification(x, factor):
    x *= factor


def cases():
    random = generator()
    sizes = (
        (1, 1, 4),
        (0, 1, 4),
        (3, 1, 4),
        (5, 1, 4),
        (8, 2, 4),
        (9, 2, 4),
        (61, 3, 5),
        (64, 1, 32),
        (7, 1, 32),
        (97, 3, 8),
        (320, 2, 32),
    )
    return [
        Launch(
            blocks,
            threads,
            (random.normal(size=n).astype(np.float32), np.float32(-2.5)),
            n < 1000,
        )
        for n, blocks, threads in (*sizes, (100_003, 40, 128))
    ]


WRONG = (
    ("non_atomic_update", "cuda.gridsize(1)", "cuda.blockDim.x"),
    ("out_of_bounds", "x.size,", "x.size + 1,"),
    ("not_all_written", "cuda.gridsize(1)", "cuda.gridsize(1) + 1"),
    ("wrong_result", "x[i] *= factor", "x[i] *= -2.0"),
    (
        "uncoalesced",
        "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):",
        "share = (x.size - 1) // cuda.gridsize(1) + 1\n"
        "    first = cuda.grid(1) * share\n"
        "    for i in range(first, min(first + share, x.size)):",
    ),
    (
        "work_not_shared",
        "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):",
        "for i in range(x.size if cuda.grid(1) == 0 else 0):",
    ),
)
HINTS = (
    "Which elements are left over by 4 threads, if there are 9?",
    "A loop can start at the thread's number and step by the number of "
    "threads in the grid: cuda.gridsize(1).",
    "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)): ...",
)
LIMITS = (coalesced(),)
