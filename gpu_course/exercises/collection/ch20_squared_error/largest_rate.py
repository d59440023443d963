"""largest_rate: the bound 2 / λmax of gradient descent."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "The largest learning rate"
TASK = (
    "`features` has a row for each of N examples. The loss is "
    "½ ‖features @ w − y‖² / N. Return the learning rate above which "
    "gradient descent on it diverges."
)

STARTER = """\
import numpy as np


def largest_rate(features):
    hessian = features.T @ features
    return 2 / np.linalg.eigvalsh(hessian).max()
"""

SOLUTION = """\
import numpy as np


def largest_rate(features):
    hessian = features.T @ features / len(features)
    return 2 / np.linalg.eigvalsh(hessian).max()
"""


def bound(features, numerator=2, choose=np.max):
    values = np.linalg.svd(features, compute_uv=False) ** 2
    return numerator * len(features) / choose(values)


def specification(features):
    return bound(features)


def cases():
    random = generator()
    return [
        (random.normal(size=shape) * np.linspace(1, 3, shape[1]),)
        for shape in ((1, 1), (2, 2), (5, 3), (40, 2), (31, 7))
    ]


TOLERANCE = 1e-9
WRONG = (
    ("of_the_sum", " / len(features)", ""),
    ("smallest", ".max()", ".min()"),
    ("fastest", "return 2", "return 1"),
    ("wrong_result", "len(features)", "features.size"),
)
HINTS = (
    "Is the loss a sum or a mean?",
    "The Hessian is the matrix that multiplies w in the gradient, with "
    "the factor 1/N.",
    "2 / np.linalg.eigvalsh(features.T @ features / N).max()",
)
MISTAKES = (
    Mistake(
        "of_the_sum",
        "That is the bound for the sum. For the mean "
        "the Hessian is divided by the number of examples.",
        gives=lambda features: bound(features) / len(features),
    ),
    Mistake(
        "smallest",
        "The steepest direction diverges first: take the largest eigenvalue.",
        gives=lambda features: bound(features, 2, np.min),
    ),
    Mistake(
        "fastest",
        "At 1/λmax the steepest direction is done in one "
        "step. It diverges at twice that rate.",
        gives=lambda features: bound(features, 1),
    ),
)
