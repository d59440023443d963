"""log_sum_exp: compute it without overflow."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "log-sum-exp"
TASK = (
    "Return log Σ exp(z) of one row of logits, correct for logits from "
    "-10,000 to 10,000 as well."
)

STARTER = """\
import numpy as np


def log_sum_exp(logits):
    return logits.max()
"""

SOLUTION = """\
import numpy as np


def log_sum_exp(logits):
    largest = logits.max()
    return largest + np.log(np.exp(logits - largest).sum())
"""


def specification(logits):
    return np.logaddexp.reduce(logits)


def naive(logits):
    with np.errstate(all="ignore"):
        return np.log(np.exp(logits).sum())


def taken_out_only(logits):
    return np.log(np.exp(logits - logits.max()).sum())


def largest_only(logits):
    return logits.max()


def cases():
    random = generator()
    logits = [random.normal(0, 3, n) for n in (1, 2, 5, 40)]
    logits += [
        np.array([1e4, 1e4 - 1]),
        np.array([-1e4, -1e4 - 2, -1e4]),
        np.array([-1e4, 0.0, 1e4]),
        random.uniform(-1e4, 1e4, 30),
    ]
    return [(z,) for z in logits]


TOLERANCE = 1e-12
WRONG = (
    ("naive", "largest + np.log", "np.log", "logits - largest", "logits"),
    ("taken_out_only", "largest + np.log", "np.log"),
    ("largest_only", " + np.log(np.exp(logits - largest).sum())", ""),
    ("wrong_result", "largest = logits.max()", "largest = logits.mean()"),
)
HINTS = (
    "What do the other logits add? And what is exp(10000)?",
    "Subtract a number before the exponential that makes the largest "
    "term 1, and add it after the logarithm.",
    "largest + np.log(np.exp(logits - largest).sum())",
)
MISTAKES = (
    Mistake(
        "naive",
        "Large logits overflow, and very negative ones "
        "vanish: subtract the largest before the exponential.",
        gives=naive,
    ),
    Mistake(
        "taken_out_only",
        "The largest is subtracted and never added again.",
        gives=taken_out_only,
    ),
    Mistake(
        "largest_only",
        "That is the largest logit. The others add to it.",
        gives=largest_only,
    ),
)
