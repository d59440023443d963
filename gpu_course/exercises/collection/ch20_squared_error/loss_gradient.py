"""loss_gradient: gradient of the mean squared error, a thread per element."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches, unwritten
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 2
TITLE = "The gradient of the mean"
TASK = (
    "Write the gradient of ½ Σ (ŷ − y)² / n with respect to each "
    "prediction, one thread for each element. There may be more threads "
    "than elements."
)

STARTER = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def loss_gradient(prediction, target, gradient):
    i = cuda.grid(1)
    if i < prediction.size:
        gradient[i] = prediction[i] - target[i]
"""

SOLUTION = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def loss_gradient(prediction, target, gradient):
    i = cuda.grid(1)
    if i < prediction.size:
        gradient[i] = (prediction[i] - target[i]) / prediction.size
"""


def specification(prediction, target, gradient):
    gradient[:] = (prediction - target) / max(1, prediction.size)


def of_the_sum(prediction, target, gradient):
    gradient[:] = prediction - target


def backwards(prediction, target, gradient):
    gradient[:] = (target - prediction) / max(1, prediction.size)


def arguments(n, random):
    prediction, target = random.normal(size=(2, n)).astype(np.float32)
    if n > 1000:  # otherwise too small to distinguish from zero
        prediction *= np.float32(n)
    return prediction, target, unwritten(n)


def cases():
    return line_launches(arguments)


TOLERANCE = 1e-6
WRONG = (
    ("missing_guard", "if i < prediction.size:", "if True:"),
    ("guard_off_by_one", "i < prediction.size", "i <= prediction.size"),
    ("of_the_sum", ") / prediction.size", ")"),
    (
        "backwards",
        "(prediction[i] - target[i])",
        "(target[i] - prediction[i])",
    ),
)
HINTS = (
    "Is this the gradient of the sum or of the mean?",
    "A factor in front of the loss stands in front of the gradient, too.",
    "(prediction[i] - target[i]) / prediction.size",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "of_the_sum",
        "That is the gradient of the sum: the mean's "
        "is divided by the number of elements.",
        gives=of_the_sum,
    ),
    Mistake(
        "backwards",
        "The sign is wrong: a prediction that is too "
        "large has a positive gradient.",
        gives=backwards,
    ),
)
