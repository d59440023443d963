"""amdahl: how much a faster part speeds up the whole."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "What a faster part does for the whole"
TASK = (
    "Part i of a program takes `shares[i]` of the time, as a number "
    "from 0 to 1, and becomes `factors[i]` times as fast. What is in no "
    "part stays as it is. Return how many times as fast the program "
    "becomes."
)

STARTER = """\
def amdahl(shares, factors):
    rest = 1 - sum(shares)
    return rest + sum(s * f for s, f in zip(shares, factors))
"""

SOLUTION = """\
def amdahl(shares, factors):
    rest = 1 - sum(shares)
    return 1 / (rest + sum(s / f for s, f in zip(shares, factors)))
"""


def parts(shares, factors):
    shares, factors = np.array(shares), np.array(factors, float)
    return 1 - shares.sum(), shares, factors


def specification(shares, factors):
    rest, shares, factors = parts(shares, factors)
    return float(1 / (rest + shares @ (1 / factors)))


def mean_factor(shares, factors):
    rest, shares, factors = parts(shares, factors)
    return float(rest + shares @ factors)


def without_rest(shares, factors):
    _, shares, factors = parts(shares, factors)
    return float(1 / (shares @ (1 / factors)))


def one_by_one(shares, factors):
    _, shares, factors = parts(shares, factors)
    return float(np.prod(1 / (1 - shares + shares / factors)))


CASES = (
    ((0.5,), (2,)),
    ((0.9,), (10,)),
    ((0.25, 0.5), (4, 0.5)),
    ((0.3, 0.2, 0.1), (3, 100, 1)),
    ((0.125, 0.625), (8, 5)),
)


TOLERANCE = 1e-9
WRONG = (
    ("mean_factor", "1 / (rest", "(rest", "s / f", "s * f"),
    ("without_rest", "rest + ", ""),
    ("time_left", "1 / (rest", "(rest"),
    ("wrong_result", "1 - sum(shares)", "sum(shares)"),
)
HINTS = (
    "How long does the program take afterwards, if it took 1 before?",
    "A part of share s takes s / f afterwards. What is in no part takes "
    "1 minus the sum of the shares.",
    "1 / (1 - sum(shares) + the sum of s / f)",
)
MISTAKES = (
    Mistake(
        "mean_factor",
        "That is the mean of the factors. A part that "
        "is fast also takes less of the time: add times, not speeds.",
        gives=mean_factor,
    ),
    Mistake(
        "without_rest",
        "What is in no part still takes its time.",
        gives=without_rest,
    ),
    Mistake(
        "time_left",
        "That is the time that is left, as a share. How "
        "many times as fast is it?",
        gives=lambda *a: 1 / specification(*a),
    ),
    Mistake(
        "one_by_one",
        "It multiplies the gains of the parts. The "
        "share of the second one is a share of the time before.",
        gives=one_by_one,
    ),
)
