"""axpy: y = a x + y, one thread per element."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 2
TITLE = "axpy"
TASK = (
    "Add `a` times `x` to `y`, one thread for each element. There may be "
    "more threads than elements."
)

STARTER = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    y[i] = a * x[i]
"""

SOLUTION = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i] + y[i]
"""


def specification(a, x, y):
    y[:] = a * x + y


def arguments(n, random):
    x, y = random.normal(size=(2, n)).astype(np.float32)
    return np.float32(-1.75), x, y


def overwritten(a, x, y):
    y[:] = a * x


def cases():
    return line_launches(arguments)


TOLERANCE = 1e-6
WRONG = (
    ("missing_guard", "if i < x.size:", "if True:"),
    ("guard_off_by_one", "i < x.size", "i <= x.size"),
    ("overwrites", " + y[i]", ""),
    ("non_atomic_update", "cuda.grid(1)", "cuda.threadIdx.x"),
    (
        "work_not_shared",
        "    i = cuda.grid(1)\n    if i < x.size:\n",
        "    n = x.size\n    for i in range(n if cuda.grid(1) == 0 else 0):\n",
    ),
)
HINTS = (
    "What does the thread do whose number is x.size?",
    "Compare i with x.size before anything is read or written.",
    "if i < x.size: y[i] = a * x[i] + y[i]",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "overwrites",
        "y holds a x, and what was in y before is lost: add to it.",
        gives=overwritten,
    ),
)
