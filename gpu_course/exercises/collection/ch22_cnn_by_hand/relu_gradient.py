"""relu_gradient: the gradient passes where the input was positive."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches, unwritten
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 2
TITLE = "The gradient of ReLU"
TASK = (
    "Write dL/dx of y = max(x, 0) into `dx`, one thread for each "
    "element; `dy` holds dL/dy. Where x is 0 the gradient is 0."
)

STARTER = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def relu_gradient(x, dy, dx):
    i = cuda.grid(1)
    if i < x.size:
        dx[i] = max(x[i], np.float32(0)) * dy[i]
"""

SOLUTION = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def relu_gradient(x, dy, dx):
    i = cuda.grid(1)
    if i < x.size:
        dx[i] = dy[i] if x[i] > 0 else np.float32(0)
"""


def specification(x, dy, dx):
    dx[:] = np.where(x > 0, dy, 0)


def arguments(n, random):
    x, dy = random.normal(size=(2, n)).astype(np.float32)
    x[::3] = 0
    x[1::7] *= np.float32(1e-30)
    return x, dy, unwritten(n)


def at_zero(x, dy, dx):
    dx[:] = np.where(x >= 0, dy, 0)


def without_dy(x, dy, dx):
    dx[:] = x > 0


def relu_of_dy(x, dy, dx):
    dx[:] = np.maximum(dy, 0)


def times_output(x, dy, dx):
    dx[:] = np.maximum(x, 0) * dy


def cases():
    return line_launches(arguments)


WRONG = (
    ("missing_guard", "if i < x.size:", "if True:"),
    ("at_zero", "x[i] > 0", "x[i] >= 0"),
    ("without_dy", "dy[i] if", "1 if"),
    ("relu_of_dy", "x[i] > 0", "dy[i] > 0"),
    (
        "work_not_shared",
        "    if i < x.size:\n        dx",
        "    if i > 0:\n        return\n"
        "    for i in range(x.size):\n        dx",
    ),
)
HINTS = (
    "In which outputs does x[i] occur, and with which factor?",
    "Only in y[i]: with the factor 1 where x[i] is positive, 0 elsewhere.",
    "dx[i] = dy[i] if x[i] > 0 else np.float32(0)",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "at_zero",
        "At x = 0 it lets the gradient pass; the task asks for 0 there.",
        gives=at_zero,
    ),
    Mistake(
        "without_dy",
        "This is dy/dx. By the chain rule dL/dx has the factor dL/dy too.",
        gives=without_dy,
    ),
    Mistake(
        "relu_of_dy",
        "It looks at the sign of the gradient, where the sign of x decides.",
        gives=relu_of_dy,
    ),
    Mistake(
        "times_output",
        "It multiplies by y. The factor is the "
        "derivative of max(x, 0), which is 1 or 0.",
        gives=times_output,
    ),
)
