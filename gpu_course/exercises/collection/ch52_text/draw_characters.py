"""draw_characters: draw the next character of many texts, a thread each."""

import numpy as np

from gpu_course.exercises.checking.cases import generator, line_launches
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "Draw the next character"
TASK = (
    "Each row of `p` has the probabilities of the next character of one text. "
    "`u` has a number for each text, at least 0 and below 1. Write into `out` "
    "the first character whose probability, added to all before it, is "
    "greater than `u`; the last character if rounding leaves none. One thread "
    "a text."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def draw_characters(p, u, out):
    row = cuda.grid(1)
    if row < out.size:
        best = 0
        for c in range(p.shape[1]):
            if p[row, c] > p[row, best]:
                best = c
        out[row] = best
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def draw_characters(p, u, out):
    row = cuda.grid(1)
    if row < out.size:
        total = float32(0)
        drawn = p.shape[1] - 1
        for c in range(p.shape[1]):
            total += p[row, c]
            if total > u[row]:
                drawn = c
                break
        out[row] = drawn
"""


def specification(p, u, out):
    drawn = (p.cumsum(1) <= u[:, None]).sum(1)
    out[:] = np.minimum(drawn, p.shape[1] - 1)


def likeliest(p, u, out):
    out[:] = p.argmax(1)


def before(p, u, out):
    drawn = (p.cumsum(1) <= u[:, None]).sum(1)
    out[:] = np.clip(drawn - 1, 0, p.shape[1] - 1)


def reached(p, u, out):
    drawn = (p.cumsum(1) < u[:, None]).sum(1)
    out[:] = np.minimum(drawn, p.shape[1] - 1)


def not_added(p, u, out):
    above = p > u[:, None]
    out[:] = np.where(above.any(1), above.argmax(1), p.shape[1] - 1)


def first_if_none(p, u, out):
    drawn = (p.cumsum(1) <= u[:, None]).sum(1)
    out[:] = np.where(drawn < p.shape[1], drawn, 0)


def arguments(n, random):
    """Return rows of sixty-fourths, so that every sum is exact.

    Some rows begin with zeros, and some add up to less than 1.
    """
    counts = random.multinomial(64, np.ones(7) / 7, n)
    counts[::3, 1] += counts[::3, 0]
    counts[::3, 0] = 0
    counts[1::5, 6] = counts[1::5, 5] = 0
    u = random.integers(0, 64, n) / 64
    u[::6] = 0
    u[1::5] = 63 / 64
    p = (counts / 64).astype(np.float32)
    return p, u.astype(np.float32), np.full(n, -7, np.int32)


def cases():
    made = line_launches(arguments)
    made += line_launches(arguments)[6:7]
    p, u, out = arguments(40, generator())
    u[:] = p[:, :3].sum(1)  # the sums are met exactly
    made.insert(-1, type(made[0])(2, 32, (p, u, out)))
    return made


WRONG = (
    ("out_of_bounds", "row < out.size", "row <= out.size"),
    (
        "likeliest",
        "total += p[row, c]\n            if total > u[row]:\n"
        "                drawn = c\n                break\n",
        "if p[row, c] > total:\n                total = p[row, c]\n"
        "                drawn = c\n",
    ),
    ("reached", "total > u[row]", "total >= u[row]"),
    ("not_added", "total += p[row, c]", "total = p[row, c]"),
    ("before", "drawn = c\n", "drawn = max(c - 1, 0)\n"),
    ("wrong_result", "                break\n", ""),
    ("first_if_none", "drawn = p.shape[1] - 1", "drawn = 0"),
)
HINTS = (
    "Where in the starter does u come in?",
    "Walk through the row and add the probabilities up. Stop at the first "
    "sum above u[row].",
    "total += p[row, c]; if total > u[row]: drawn = c and break. Start with "
    "drawn = p.shape[1] - 1.",
)
MISTAKES = (
    Mistake(
        "likeliest",
        "It always takes the likeliest character and never looks at u: the "
        "same text each time.",
        gives=likeliest,
    ),
    Mistake(
        "reached",
        "Where the sum equals u the next character is due. A character of "
        "probability 0 is drawn here when u is 0.",
        gives=reached,
    ),
    Mistake(
        "not_added",
        "Each probability is compared alone. Add up those before it.",
        gives=not_added,
    ),
    Mistake(
        "first_if_none",
        "Where no sum passes u, because of rounding, the last character is "
        "due, not the first.",
        gives=first_if_none,
    ),
    Mistake(
        "before",
        "It writes the character before the one at which the sum passes u.",
        gives=before,
    ),
)
