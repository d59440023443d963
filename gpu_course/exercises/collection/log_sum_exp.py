"""log_sum_exp: without overflow."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Exercise, Mistake, edited

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


EXERCISE = Exercise(
    name="log_sum_exp",
    chapter="21_cross_entropy",
    title="log-sum-exp",
    task=(
        "Return log Σ exp(z) of one row of logits, correct for logits from "
        "-10,000 to 10,000 as well."
    ),
    starter=STARTER,
    solution=SOLUTION,
    wrong=(
        edited(SOLUTION, "naive", "largest + np.log", "np.log",
               "logits - largest", "logits"),
        edited(SOLUTION, "taken_out_only", "largest + np.log", "np.log"),
        edited(SOLUTION, "largest_only", " + np.log(np.exp(logits - largest)"
               ".sum())", ""),
        edited(SOLUTION, "wrong_result", "largest = logits.max()",
               "largest = logits.mean()"),
    ),
    hints=(
        "What do the other logits add? And what is exp(10000)?",
        "Subtract a number before the exponential that makes the largest "
        "term 1, and add it after the logarithm.",
        "largest + np.log(np.exp(logits - largest).sum())",
    ),
    specification=specification,
    cases=cases,
    is_kernel=False,
    tolerance=1e-12,
    mistakes=(
        Mistake("naive", "Large logits overflow, and very negative ones "
                "vanish: subtract the largest before the exponential.",
                gives=naive),
        Mistake("taken_out_only", "The largest is subtracted and never added "
                "again.", gives=taken_out_only),
        Mistake("largest_only", "That is the largest logit. The others add "
                "to it.", gives=largest_only),
    ),
)  # fmt: skip
