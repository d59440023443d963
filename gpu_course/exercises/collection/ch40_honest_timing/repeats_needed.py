"""repeats_needed: an interval shrinks with the square root of repeats."""

import math

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 8
TITLE = "How many repeats are enough"
TASK = (
    "After `repeats` repeats the 95 % interval of the median reaches "
    "`half_width` to each side, as a share of the median. Return the "
    "smallest number of repeats for which it is to be expected to reach "
    "at most `wanted`."
)

STARTER = """\
import math


def repeats_needed(repeats, half_width, wanted):
    return math.ceil(repeats * half_width / wanted)
"""

SOLUTION = """\
import math


def repeats_needed(repeats, half_width, wanted):
    return math.ceil(repeats * (half_width / wanted) ** 2)
"""


def specification(repeats, half_width, wanted):
    needed = 1  # the smallest sufficient number, by bisection
    low, high = 0, 10**9
    while high - low > 1:
        needed = (low + high) // 2
        if half_width**2 * repeats <= wanted**2 * needed:
            high = needed
        else:
            low = needed
    return high


def cases():
    """Return cases whose results aren't near whole numbers before rounding.

    Only the last is a whole number; it is exact in floats: a half, squared.
    """
    return [
        (100, 0.02, 0.03),
        (30, 0.05, 0.011),
        (7, 0.2, 0.013),
        (1000, 0.004, 0.0017),
        (51, 0.3, 0.7),
        (100, 0.04, 0.02),
    ]


WRONG = (
    ("in_proportion", "(half_width / wanted) ** 2", "half_width / wanted"),
    ("one_too_few", "math.ceil", "math.floor"),
    ("upside_down", "half_width / wanted", "wanted / half_width"),
    ("wrong_result", "** 2", "** 0.5"),
)
HINTS = (
    "Four times the repeats: how wide is the interval?",
    "Half as wide. So for an interval k times narrower, how many times "
    "the repeats?",
    "repeats * (half_width / wanted) ** 2, rounded up",
)
MISTAKES = (
    Mistake(
        "in_proportion",
        "Twice the repeats make the interval 1.4 times narrower, not twice.",
        gives=lambda r, h, w: -int(-r * h // w),
    ),
    Mistake(
        "one_too_few",
        "Rounded down, it is just not enough.",
        gives=lambda r, h, w: math.floor(r * (h / w) ** 2),
    ),
    Mistake(
        "upside_down",
        "A narrower interval takes more repeats, not fewer.",
        gives=lambda r, h, w: specification(r, w, h),
    ),
)
