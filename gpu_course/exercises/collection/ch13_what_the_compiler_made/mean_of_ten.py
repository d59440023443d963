"""mean_of_ten: no float64 by accident."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import NO_FLOAT64

PLACE = 3
TITLE = "No float64 by accident"
TASK = (
    "Element i of `out` is the mean of the ten elements of `x` from "
    "10 i on. Everything is float32, and no operation may be in float64."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def mean_of_ten(x, out):
    i = cuda.grid(1)
    if i < out.size:
        total = 0.0
        for k in range(10):
            total += x[10 * i + k]
        out[i] = total / 10
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def mean_of_ten(x, out):
    i = cuda.grid(1)
    if i < out.size:
        total = float32(0)
        for k in range(10):
            total += x[10 * i + k]
        out[i] = total / float32(10)
"""


def specification(x, out):
    total = np.zeros(out.size, np.float32)
    for column in x.reshape(-1, 10).T:
        total += column
    out[:] = total / np.float32(10)


def sums(x, out):
    specification(x, out)
    out *= np.float32(10)


def cases():
    random = generator()
    return [
        Launch(
            blocks_for(n, 32),
            32,
            (random.normal(5, 3, 10 * n).astype(np.float32), unwritten(n)),
            n < 1000,
        )
        for n in (1, 0, 2, 31, 32, 33, 97, 10_007)
    ]


TOLERANCE = 1e-5
WRONG = (
    ("float64", "total = float32(0)", "total = 0.0"),
    ("missing_divisor", " / float32(10)", ""),
    ("wrong_result", "range(10)", "range(1, 10)"),
    ("out_of_bounds", "i < out.size", "i <= out.size"),
)
HINTS = (
    "What type has 0.0, and what type has float32 plus that?",
    "Two constants of the starter make float64: a Python float is one, "
    "and a float32 divided by a Python int is one as well.",
    "total = float32(0), and total / float32(10)",
)
MISTAKES = (
    Mistake(
        "missing_divisor", "These are the sums, not the means.", gives=sums
    ),
)
LIMITS = (NO_FLOAT64,)
