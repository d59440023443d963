"""differences: a debugging exercise with two mistakes in three lines."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches, unwritten
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 7
TITLE = "Find the bugs"
TASK = (
    "This kernel should write the difference of each two neighbours of "
    "`x` into `out`, which is one element shorter. It has two mistakes: "
    "find both."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def differences(x, out):
    i = cuda.threadIdx.x
    if i < x.size:
        out[i] = x[i + 1] - x[i]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def differences(x, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i + 1] - x[i]
"""


def specification(x, out):
    out[:] = np.diff(x)


def arguments(n, random):
    x = random.normal(size=n + 1).astype(np.float32)
    return x, unwritten(n)


def negated(x, out):
    out[:] = -np.diff(x)


def cases():
    return line_launches(arguments)


WRONG = (
    ("out_of_bounds", "out.size", "x.size"),
    ("race", "cuda.grid(1)", "cuda.threadIdx.x"),
    ("negated", "x[i + 1] - x[i]", "x[i] - x[i + 1]"),
    ("not_all_written", "i < out.size", "i < out.size - 1"),
)
HINTS = (
    "How many differences do five numbers have?",
    "Ask what the last thread reads, and which element thread 0 of the "
    "second block writes.",
    "i = cuda.grid(1), and the guard compares with out.size.",
)
MISTAKES = (
    Mistake("negated", "Each difference has the wrong sign.", gives=negated),
)
