"""squared_loss: half the sum of the squared errors, or its mean."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Exercise, Mistake, edited

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


EXERCISE = Exercise(
    name="squared_loss",
    chapter="20_squared_error",
    title="Sum or mean",
    task=(
        "Return ½ Σ (ŷ − y)² over all elements of two arrays of one shape, "
        "divided by the number of elements if `mean` is true."
    ),
    starter=STARTER,
    solution=SOLUTION,
    wrong=(
        edited(SOLUTION, "always_sums", " / prediction.size", ""),
        edited(SOLUTION, "over_rows", "prediction.size",
               "len(prediction)"),
        edited(SOLUTION, "no_half", "0.5 * ", ""),
        edited(SOLUTION, "wrong_result", "** 2", "** 3"),
    ),
    hints=(
        "Which of the two does the starter never return?",
        "The mean is over all elements, not over the rows only.",
        "total / prediction.size if mean else total",
    ),
    specification=specification,
    cases=cases,
    is_kernel=False,
    tolerance=1e-9,
    mistakes=(
        Mistake("always_sums", "It returns the sum in both cases: divide it "
                "if mean is true.", gives=always_sums),
        Mistake("over_rows", "The mean is divided by the number of rows. An "
                "array of two axes has more elements than that.",
                gives=over_rows),
        Mistake("no_half", "It is twice as large as it should be: the half "
                "is missing.", gives=no_half),
    ),
)  # fmt: skip
