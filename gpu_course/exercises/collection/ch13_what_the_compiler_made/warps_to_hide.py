"""warps_to_hide: how many warps keep a scheduler busy."""

import math

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "How many warps hide a latency?"
TASK = (
    "Each warp issues `work` instructions, one in a cycle, and then "
    "waits `latency` cycles for memory. Return the smallest number of "
    "warps with which the scheduler never has to wait."
)

STARTER = """\
import math


def warps_to_hide(latency, work):
    return math.ceil(latency / work)
"""

SOLUTION = """\
import math


def warps_to_hide(latency, work):
    return math.ceil((work + latency) / work)
"""


def specification(latency, work):
    return -(-(work + latency) // work)


CASES = tuple(
    (latency, work)
    for work in (1, 2, 4, 7, 50)
    for latency in (0, 1, 8, 35, 36, 400, 401)
)


WRONG = (
    (
        "rounds_down",
        "math.ceil((work + latency) / work)",
        "(work + latency) // work",
    ),
    (
        "one_too_many",
        "math.ceil((work + latency) / work)",
        "(work + latency) // work + 1",
    ),
    ("forgets_itself", "(work + latency) / work", "latency / work"),
    ("wrong_result", "/ work)", "/ latency)\\\n        if latency else 1"),
)
HINTS = (
    "While one warp waits, how many instructions can the others issue?",
    "The warp that waits is one of them: w · work must reach work + latency.",
    "math.ceil((work + latency) / work)",
)
MISTAKES = (
    Mistake(
        "rounds_down",
        "One warp too few where it doesn't divide: round up.",
        gives=lambda latency, work: (work + latency) // work,
    ),
    Mistake(
        "one_too_many",
        "Where it divides there is a warp too many.",
        gives=lambda latency, work: (work + latency) // work + 1,
    ),
    Mistake(
        "forgets_itself",
        "These are the other warps. The one that "
        "waits has to be counted as well.",
        gives=lambda latency, work: math.ceil(latency / work),
    ),
)
