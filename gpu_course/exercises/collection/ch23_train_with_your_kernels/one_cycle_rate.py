"""one_cycle_rate: the learning rate of a step, from two half cosines."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 4
TITLE = "One cycle of the learning rate"
TASK = (
    "Return the rate of `step`, counted from 0, of `steps`. It is "
    "`top / 25` in step 0, `top` in step `0.3 * steps - 1` (which "
    "need not be a whole number: don't round it) and "
    "`top / 25 / 10_000` in the last one, `steps - 1`. From a value $a$ "
    "to the next, $b$, it goes along half a cosine: "
    "$b + (a - b)\\,(1 + \\cos \\pi u)/2$, with $u$ from 0 to 1."
)

STARTER = """\
import math


def one_cycle_rate(step, steps, top):
    low, turn = top / 25, 0.3 * steps - 1
    return low + (top - low) * step / turn
"""

SOLUTION = """\
import math


def one_cycle_rate(step, steps, top):
    low, turn, last = top / 25, 0.3 * steps - 1, steps - 1
    if step <= turn:
        start, end, share = low, top, step / turn
    else:
        start, end = top, low / 10_000
        share = (step - turn) / (last - turn)
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
"""


def cosine(share):
    return (1 - np.cos(np.pi * share)) / 2


def schedule(step, steps, top, weight=cosine, bottom=1e-4, first=1, edge=1):
    """Return the rate, interpolated between three points."""
    low = top / 25
    turn, last = 0.3 * steps - edge, steps - edge
    if step <= turn:
        ends, share = (first * low, top), step / turn
    else:
        ends, share = (top, bottom * low), (step - turn) / (last - turn)
    return float(np.dot((1 - weight(share), weight(share)), ends))


def specification(step, steps, top):
    return schedule(step, steps, top)


CASES = tuple(
    (step, steps, top)
    for steps, top in ((10, 1.0), (300, 0.01), (97, 0.25))
    for step in sorted(
        {
            0,
            1,
            2,
            steps // 5,
            int(0.3 * steps) - 1,
            int(0.3 * steps),
            steps // 2,
            steps - 2,
            steps - 1,
        }
    )
)


TOLERANCE = 1e-9
WRONG = (
    ("straight", "(1 + math.cos(math.pi * share)) / 2", "(1 - share)"),
    edited(STARTER, "only_up"),
    ("comes_back", "low / 10_000", "low"),
    ("starts_at_zero", "low, top, step", "0, top, step"),
    ("counts_from_one", "0.3 * steps - 1, steps - 1", "0.3 * steps, steps"),
    ("wrong_result", "math.pi * share", "share"),
)
HINTS = (
    "There are three points and two arcs. On which arc is the step, and "
    "how far along?",
    "share = (step - first step of the arc) / (its number of steps), "
    "then the formula of the task.",
    "for the second arc: share = (step - turn) / (steps - 1 - turn), "
    "from top to top / 25 / 10_000",
)
MISTAKES = (
    Mistake(
        "straight",
        "The three points are right. Between them the "
        "rate goes along straight lines, not along a cosine.",
        gives=lambda *a: schedule(*a, weight=lambda share: share),
    ),
    Mistake(
        "only_up",
        "It rises along a straight line, beyond top as "
        "well: after `0.3 * steps - 1` it has to come down.",
        gives=lambda step, steps, top: (
            top / 25 + (top - top / 25) * step / (0.3 * steps - 1)
        ),
    ),
    Mistake(
        "comes_back",
        "It falls back to where it started. It should "
        "end ten thousand times lower.",
        gives=lambda *a: schedule(*a, bottom=1),
    ),
    Mistake(
        "starts_at_zero",
        "It starts at 0, and should at top / 25.",
        gives=lambda *a: schedule(*a, first=0),
    ),
    Mistake(
        "counts_from_one",
        "The arcs end one step too late: counted "
        "from 0, the last of n steps is n - 1.",
        gives=lambda *a: schedule(*a, edge=0),
    ),
)
EQUIVALENT = {
    "step <= turn -> step < turn, line 6": (
        "In the step turn both arcs give top: the first ends there, the "
        "second begins there."
    ),
}
