"""online_softmax_row: largest and sum of a row, read once."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Limit, Mistake

PLACE = 2
TITLE = "Softmax in one pass"
TASK = (
    "For each row of `x`, one thread a row: write its largest element to "
    "`largest` and the sum of `exp(x - largest)` to `total`. Walk along the "
    "row once, so that each element is read from memory only once."
)

STARTER = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def online_softmax_row(x, largest, total):
    row = cuda.grid(1)
    if row < x.shape[0]:
        top, running = x[row, 0], float32(1)
        for j in range(1, x.shape[1]):
            score = x[row, j]
            top = max(top, score)
            running += math.exp(score - top)
        largest[row] = top
        total[row] = running
"""

SOLUTION = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def online_softmax_row(x, largest, total):
    row = cuda.grid(1)
    if row < x.shape[0]:
        top, running = x[row, 0], float32(1)
        for j in range(1, x.shape[1]):
            score = x[row, j]
            before, top = top, max(top, score)
            running = running * math.exp(before - top) + math.exp(score - top)
        largest[row] = top
        total[row] = running
"""


def specification(x, largest, total):
    largest[:] = x.max(1)
    total[:] = np.exp(x.astype(np.float64) - x.max(1, keepdims=True)).sum(1)


def walked(x, total, first, change):
    """Write what a walk along the rows gives: change(sum, old, new, score)."""
    x = x.astype(np.float64)
    top, running = x[:, 0], np.full(len(x), first)
    with np.errstate(over="ignore"):
        for score in x[:, 1:].T:
            new = np.maximum(top, score)
            running = change(running, top, new, score)
            top = new
    total[:] = running


def never_rescaled(x, largest, total):
    largest[:] = x.max(1)
    walked(x, total, 1.0, lambda s, old, new, score: s + np.exp(score - new))


def turned(x, largest, total):
    largest[:] = x.max(1)
    walked(
        x,
        total,
        1.0,
        lambda s, old, new, score: s * np.exp(new - old) + np.exp(score - new),
    )


def everything_shrunk(x, largest, total):
    largest[:] = x.max(1)
    walked(
        x,
        total,
        1.0,
        lambda s, old, new, score: (
            (s + np.exp(score - new)) * np.exp(old - new)
        ),
    )


def first_missing(x, largest, total):
    largest[:] = x.max(1)
    walked(
        x,
        total,
        0.0,
        lambda s, old, new, score: s * np.exp(old - new) + np.exp(score - new),
    )


def no_maximum(x, largest, total):
    largest[:] = x.max(1)
    with np.errstate(over="ignore"):
        total[:] = np.exp(x).sum(1)


def stale(x, largest, total):
    largest[:] = x[:, 0]
    with np.errstate(over="ignore"):
        total[:] = np.exp(x - x[:, :1]).sum(1)


def cases():
    random, launches = generator(), []
    for rows, columns in ((1, 1), (2, 2), (3, 5), (33, 40), (3000, 33)):
        x = random.normal(0, 2, (rows, columns)).astype(np.float32)
        if columns > 1:
            x[0] = np.linspace(-200, 300, columns)  # overflows without a max
        arguments = x, unwritten(rows), unwritten(rows)
        grid = blocks_for(rows, 32)
        launches.append(Launch(grid, 32, arguments, rows < 100))
    return launches


def bytes_needed(report):
    """Return the bytes of the report's arrays, each element moved once."""
    places = report.record.allocations
    return sum(p.nbytes for p in places if p.space == "global")


LIMITS = (
    Limit(
        "read_again",
        lambda report: report.bytes_moved <= bytes_needed(report),
        lambda report: (
            f"The result is right, but {report.bytes_moved:,} bytes are "
            f"moved where {bytes_needed(report):,} are enough: each element "
            "has to be read once, into a variable."
        ),
    ),
)
TOLERANCE = 1e-5
WRONG = (
    ("never_rescaled", "running * math.exp(before - top)", "running"),
    ("turned", "exp(before - top)", "exp(top - before)"),
    (
        "everything_shrunk",
        "running * math.exp(before - top) + math.exp(score - top)",
        "(running + math.exp(score - top)) * math.exp(before - top)",
    ),
    ("first_missing", "float32(1)\n", "float32(0)\n"),
    (
        "no_maximum",
        "top, running = x[row, 0], float32(1)",
        "top, running = x[row, 0], math.exp(x[row, 0])",
        "running * math.exp(before - top) + math.exp(score - top)",
        "running + math.exp(score)",
    ),
    ("stale", "max(top, score)", "top"),
    (
        "read_again",
        "            running = running * math.exp(before - top)"
        " + math.exp(score - top)\n",
        "        running = float32(0)\n"
        "        for j in range(x.shape[1]):\n"
        "            running += math.exp(x[row, j] - top)\n",
    ),
)
HINTS = (
    "The sum so far was taken relative to the old largest. What is it "
    "relative to the new one?",
    "exp(x - new) = exp(x - old) · exp(old - new), for each term of the sum.",
    "running = running * math.exp(before - top) + math.exp(score - top), "
    "where before is the largest without this element.",
)
MISTAKES = (
    Mistake(
        "never_rescaled",
        "The terms of the sum are relative to different maxima. When the "
        "largest grows, the sum so far must shrink by exp(old - new).",
        gives=never_rescaled,
    ),
    Mistake(
        "turned",
        "The sum so far is scaled the wrong way: a larger maximum makes "
        "exp(x - largest) smaller, so the factor is exp(old - new).",
        gives=turned,
    ),
    Mistake(
        "everything_shrunk",
        "The new term is shrunk as well. It is relative to the new largest "
        "already: shrink the sum so far first, then add.",
        gives=everything_shrunk,
    ),
    Mistake(
        "first_missing",
        "A term is missing: the walk starts from the first element, whose "
        "term exp(0) is 1.",
        gives=first_missing,
    ),
    Mistake(
        "no_maximum",
        "Nothing is subtracted, so the exponential of a large element is "
        "infinite.",
        gives=no_maximum,
    ),
    Mistake(
        "stale",
        "The largest stays the first element of the row. It must grow with "
        "the walk, or a later element overflows.",
        gives=stale,
    ),
)
