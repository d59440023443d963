"""softmax_temperature: the probabilities at a temperature."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "A temperature"
TASK = (
    "Return the softmax of one row of logits at a temperature, also for "
    "logits of 10,000."
)

STARTER = """\
import numpy as np


def softmax_temperature(logits, temperature):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
"""

SOLUTION = """\
import numpy as np


def softmax_temperature(logits, temperature):
    powers = np.exp((logits - logits.max()) / temperature)
    return powers / powers.sum()
"""


def specification(logits, temperature):
    scaled = logits / temperature
    return np.exp(scaled - np.logaddexp.reduce(scaled))


def ignored(logits, temperature):
    return specification(logits, 1.0)


def upside_down(logits, temperature):
    return specification(logits, 1 / temperature)


def too_late(logits, temperature):
    return specification(logits, 1.0) / temperature


def cases():
    random = generator()
    logits = [random.normal(0, 3, n) for n in (1, 2, 7)]
    logits += [np.array([1e4, 1e4 - 1, 0.0]), np.array([-1e4, -1e4 - 3])]
    return [(z, t) for z in logits for t in (2.0, 0.5, 1.0, 10.0)]


TOLERANCE = 1e-11
WRONG = (
    ("ignored", " / temperature", ""),
    ("upside_down", "/ temperature", "* temperature"),
    (
        "too_late",
        " / temperature",
        "",
        "powers.sum()",
        "powers.sum() / temperature",
    ),
    ("wrong_result", "(logits - logits.max())", "logits"),
)
HINTS = (
    "Does the starter use the temperature?",
    "The logits are divided by it, before the exponential.",
    "np.exp((logits - logits.max()) / temperature)",
)
MISTAKES = (
    Mistake(
        "ignored",
        "The result is the same at every temperature.",
        gives=ignored,
    ),
    Mistake(
        "upside_down",
        "A high temperature makes it sharper here. "
        "It should make it flatter: divide.",
        gives=upside_down,
    ),
    Mistake(
        "too_late",
        "Dividing the probabilities leaves them not "
        "adding up to one: divide the logits.",
        gives=too_late,
    ),
)
