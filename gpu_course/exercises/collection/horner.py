"""horner: keep in registers what is used again."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches, unwritten
from gpu_course.exercises.checking.exercise import (
    Exercise,
    Limit,
    Mistake,
    edited,
)
from gpu_course.exercises.checking.limits import NO_FLOAT64
from gpu_course.exercises.checking.mistakes import MISSING_GUARD

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


EXERCISE = Exercise(
    name="horner",
    chapter="13_what_the_compiler_made",
    title="Keep it in a register",
    task=(
        "Compute a polynomial at each `x[i]` by Horner's rule: start with "
        "zero, and for each coefficient multiply by `x[i]` and add it. Ask "
        "memory for each number once."
    ),
    starter=STARTER,
    solution=SOLUTION,
    wrong=(
        edited(SOLUTION, "too_many_requests", "total * point", "total * x[i]"),
        edited(SOLUTION, "float64", "total = float32(0)", "total = 0.0"),
        edited(SOLUTION, "backwards", "c[k]", "c[c.size - 1 - k]"),
        edited(SOLUTION, "missing_guard", "if i < x.size:", "if True:"),
        edited(SOLUTION, "wrong_result", "total * point + c[k]",
               "(total + c[k]) * point"),
    ),
    hints=(
        "How often does the starter load x[i]?",
        "Local variables live in registers. Only what leaves the thread has "
        "to be stored.",
        "point = x[i] before the loop, total in the loop, out[i] = total "
        "after it.",
    ),
    specification=specification,
    cases=lambda: line_launches(arguments),
    tolerance=1e-5,
    mistakes=(
        MISSING_GUARD,
        Mistake("backwards", "The coefficients are taken from the end.",
                gives=backwards),
    ),
    limits=(
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
    ),
)  # fmt: skip
