"""horner: keep reused values in registers."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches, unwritten
from gpu_course.exercises.checking.exercise import Limit, Mistake
from gpu_course.exercises.checking.limits import NO_FLOAT64
from gpu_course.exercises.checking.mistakes import MISSING_GUARD

PLACE = 4
TITLE = "Keep it in a register"
TASK = (
    "Compute a polynomial at each `x[i]` by Horner's rule: start with "
    "zero, and for each coefficient multiply by `x[i]` and add it. Ask "
    "memory for each number once."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def horner(c, x, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = float32(0)
        for k in range(c.size):
            out[i] = out[i] * x[i] + c[k]
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def horner(c, x, out):
    i = cuda.grid(1)
    if i < x.size:
        point = x[i]
        total = float32(0)
        for k in range(c.size):
            total = total * point + c[k]
        out[i] = total
"""


def specification(c, x, out):
    total = np.zeros_like(x)
    for coefficient in c:
        total = total * x + coefficient
    out[:] = total


def backwards(c, x, out):
    specification(c[::-1], x, out)


def arguments(n, random):
    c = random.normal(size=8).astype(np.float32)
    x = random.uniform(-1, 1, n).astype(np.float32)
    return c, x, unwritten(n)


def cases():
    return line_launches(arguments)


TOLERANCE = 1e-5
WRONG = (
    ("too_many_requests", "total * point", "total * x[i]"),
    ("float64", "total = float32(0)", "total = 0.0"),
    ("backwards", "c[k]", "c[c.size - 1 - k]"),
    ("missing_guard", "if i < x.size:", "if True:"),
    ("wrong_result", "total * point + c[k]", "(total + c[k]) * point"),
)
HINTS = (
    "How often does the starter load x[i]?",
    "Local variables live in registers. Only what leaves the thread has "
    "to be stored.",
    "point = x[i] before the loop, total in the loop, out[i] = total "
    "after it.",
)
MISTAKES = (
    MISSING_GUARD,
    Mistake(
        "backwards",
        "The coefficients are taken from the end.",
        gives=backwards,
    ),
)
LIMITS = (
    NO_FLOAT64,
    Limit(
        "too_many_requests",
        lambda report: report.global_requests <= 40,
        lambda report: (
            f"The result is right, with {report.global_requests} "
            "requests of 4 warps, as written. With x[i] and the sum in "
            "registers 40 are enough."
        ),
    ),
)
