"""squared_loss: half the sum of the squared errors, or its mean."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "Sum or mean"
TASK = (
    "Return ½ Σ (ŷ − y)² over all elements of two arrays of one shape, "
    "divided by the number of elements if `mean` is true."
)

STARTER = """\
import numpy as np


def squared_loss(prediction, target, mean):
    return 0.5 * ((prediction - target) ** 2).sum()
"""

SOLUTION = """\
import numpy as np


def squared_loss(prediction, target, mean):
    total = 0.5 * ((prediction - target) ** 2).sum()
    return total / prediction.size if mean else total
"""


def specification(prediction, target, mean):
    squares = np.square(prediction - target)
    return 0.5 * (squares.mean() if mean else squares.sum())


def cases():
    random = generator()
    return [
        (*random.normal(size=(2, *shape)), mean)
        for shape in ((1,), (2,), (7,), (3, 5), (2, 3, 4))
        for mean in (True, False)
    ]


def always_sums(prediction, target, mean):
    return specification(prediction, target, False)


def over_rows(prediction, target, mean):
    total = specification(prediction, target, False)
    return total / len(prediction) if mean else total


def no_half(prediction, target, mean):
    return 2 * specification(prediction, target, mean)


TOLERANCE = 1e-9
WRONG = (
    ("always_sums", " / prediction.size", ""),
    ("over_rows", "prediction.size", "len(prediction)"),
    ("no_half", "0.5 * ", ""),
    ("wrong_result", "** 2", "** 3"),
)
HINTS = (
    "Which of the two does the starter never return?",
    "The mean is over all elements, not over the rows only.",
    "total / prediction.size if mean else total",
)
MISTAKES = (
    Mistake(
        "always_sums",
        "It returns the sum in both cases: divide it if mean is true.",
        gives=always_sums,
    ),
    Mistake(
        "over_rows",
        "The mean is divided by the number of rows. An "
        "array of two axes has more elements than that.",
        gives=over_rows,
    ),
    Mistake(
        "no_half",
        "It is twice as large as it should be: the half is missing.",
        gives=no_half,
    ),
)
