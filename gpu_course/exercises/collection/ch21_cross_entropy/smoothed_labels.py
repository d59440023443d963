"""smoothed_labels: targets with a share for every class."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 3
TITLE = "Smoothed labels"
TASK = (
    "Return the targets (N, classes) of `labels` (N,): a share `epsilon` "
    "is spread evenly over all classes, the right one included, and the "
    "right one has the rest."
)

STARTER = """\
import numpy as np


def smoothed_labels(labels, classes, epsilon):
    return np.eye(classes)[labels]
"""

SOLUTION = """\
import numpy as np


def smoothed_labels(labels, classes, epsilon):
    return (1 - epsilon) * np.eye(classes)[labels] + epsilon / classes
"""


def one_hot(labels, classes):
    return (labels[:, None] == np.arange(classes)).astype(float)


def specification(labels, classes, epsilon):
    right = one_hot(labels, classes)
    return (
        right * (1 - epsilon + epsilon / classes)
        + (1 - right) * epsilon / classes
    )


def others_only(labels, classes, epsilon):
    right = one_hot(labels, classes)
    share = epsilon / max(1, classes - 1)
    return right * (1 - epsilon) + (1 - right) * share


def not_taken_off(labels, classes, epsilon):
    return one_hot(labels, classes) + epsilon / classes


def not_divided(labels, classes, epsilon):
    return (1 - epsilon) * one_hot(labels, classes) + epsilon


CASES = tuple(
    (np.array(labels, dtype=np.int64), classes, epsilon)
    for labels, classes in (
        ((0,), 2),
        ((2, 0, 1), 3),
        ((4, 4, 0, 1), 5),
        ((9, 3), 10),
        ((), 4),
    )
    for epsilon in (0.1, 0.0, 0.4, 1.0)
)


TOLERANCE = 1e-12
WRONG = (
    ("not_taken_off", "(1 - epsilon) * ", ""),
    ("not_divided", "epsilon / classes", "epsilon"),
    (
        "others_only",
        "    return (1 - epsilon) * np.eye(classes)[labels] + "
        "epsilon / classes",
        "    right = np.eye(classes)[labels]\n"
        "    share = epsilon / (classes - 1)\n"
        "    return (1 - epsilon) * right + share * (1 - right)",
    ),
    ("wrong_result", "1 - epsilon", "1 + epsilon"),
)
HINTS = (
    "Do your rows add up to one, and does a wrong class get anything?",
    "Every class gets epsilon / classes. The right one gets something "
    "on top: how much is left?",
    "(1 - epsilon) * np.eye(classes)[labels] + epsilon / classes",
)
MISTAKES = (
    Mistake(
        "not_taken_off",
        "The rows add up to more than one: what the "
        "others get has to come from the right class.",
        gives=not_taken_off,
    ),
    Mistake(
        "not_divided",
        "Each class gets all of epsilon: they share it.",
        gives=not_divided,
    ),
    Mistake(
        "others_only",
        "Only the wrong classes share epsilon here. "
        "The right one is among those that share.",
        gives=others_only,
    ),
)
