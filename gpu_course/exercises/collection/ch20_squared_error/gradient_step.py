"""gradient_step: one step of gradient descent on least squares."""

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 3
TITLE = "One step downhill"
TASK = (
    "Return the weights after one step of gradient descent on "
    "½ ‖features @ weights − target‖² / N with N examples. Leave the "
    "arrays that you were given as they are."
)

STARTER = """\
import numpy as np


def gradient_step(features, target, weights, rate):
    error = features @ weights - target
    return weights - rate * error.mean()
"""

SOLUTION = """\
import numpy as np


def gradient_step(features, target, weights, rate):
    error = features @ weights - target
    return weights - rate * (features.T @ error) / len(target)
"""


def step(features, target, weights, rate, sign=-1):
    error = features @ weights - target
    gradient = (features * error[:, None]).mean(axis=0)
    return weights + sign * rate * gradient


def of_the_sum(features, target, weights, rate):
    return step(features, target, weights, rate * len(target))


def uphill(features, target, weights, rate):
    return step(features, target, weights, rate, 1)


def without_features(features, target, weights, rate):
    return weights - rate * (features @ weights - target).mean()


def specification(features, target, weights, rate):
    return step(features, target, weights, rate)


def cases():
    random = generator()
    return [
        (
            random.normal(size=(n, d)),
            random.normal(size=n),
            random.normal(size=d),
            rate,
        )
        for n, d in ((1, 1), (2, 2), (5, 3), (3, 5), (40, 2))
        for rate in (0.0, 0.125, 3.0)
    ]


TOLERANCE = 1e-9
WRONG = (
    ("of_the_sum", " / len(target)", ""),
    ("uphill", "weights - rate", "weights + rate"),
    ("without_features", "(features.T @ error) / len(target)", "error.mean()"),
    (
        "changes_input",
        "return weights - rate",
        "weights -= rate",
        "len(target)",
        "len(target)\n    return weights",
    ),
)
HINTS = (
    "How much does the loss change when the weight of a feature changes "
    "that is always 0?",
    "The error of each example counts as much as the feature that its "
    "weight multiplies: features.T @ error.",
    "weights - rate * (features.T @ error) / len(target)",
)
MISTAKES = (
    Mistake(
        "of_the_sum",
        "That is the gradient of the sum: divide it by "
        "the number of examples.",
        gives=of_the_sum,
    ),
    Mistake(
        "uphill", "The gradient points uphill: subtract it.", gives=uphill
    ),
    Mistake(
        "without_features",
        "All weights get the same step, the mean "
        "error. The chain rule multiplies each error by its feature.",
        gives=without_features,
    ),
)
