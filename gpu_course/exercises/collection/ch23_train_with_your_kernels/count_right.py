"""count_right: count the rows whose largest logit is at the label."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 3
TITLE = "How many are right?"
TASK = (
    "Add to `right[0]` the number of rows of `logits` (N, C) whose "
    "largest element stands at `labels[row]`, one thread a row. Of equal "
    "ones the first counts. There may be more threads than rows."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def count_right(logits, labels, right):
    row = cuda.grid(1)
    if row < labels.size:
        best = 0
        for c in range(logits.shape[1]):
            if logits[row, c] > logits[row, best]:
                best = c
        if best == labels[row]:
            right[0] += 1
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def count_right(logits, labels, right):
    row = cuda.grid(1)
    if row < labels.size:
        best = 0
        for c in range(logits.shape[1]):
            if logits[row, c] > logits[row, best]:
                best = c
        if best == labels[row]:
            cuda.atomic.add(right, 0, 1)
"""


def specification(logits, labels, right):
    right[0] += (logits.argmax(axis=1) == labels).sum()


def last_of_equals(logits, labels, right):
    last = logits.shape[1] - 1 - logits[:, ::-1].argmax(axis=1)
    right[0] += (last == labels).sum()


def from_zero(logits, labels, right):
    right[0] += (np.maximum(logits, 0).argmax(axis=1) == labels).sum()


def wrong_ones(logits, labels, right):
    right[0] += (logits.argmax(axis=1) != labels).sum()


def arguments(n, classes, random):
    # Few distinct values, mostly negative: many rows have tied maxima.
    logits = random.integers(-9, 1, (n, classes)) - random.integers(0, 2)
    labels = logits.argmax(axis=1)
    other = random.random(n) < 0.4
    labels[other] = random.integers(0, classes, n)[other]
    logits = logits.astype(np.float32)
    logits[::4] *= np.float32(1e36)  # no constant is a safe start
    return logits, labels, np.array([5], np.int32)


def cases():
    random, launches = generator(), []
    for n, classes in (
        (1, 1),
        (0, 3),
        (1, 2),
        (31, 3),
        (32, 10),
        (33, 2),
        (67, 7),
        (10_007, 10),
    ):
        launches.append(
            Launch(
                blocks_for(n, 32), 32, arguments(n, classes, random), n < 100
            )
        )
    return launches


WRONG = (
    ("non_atomic_update", "cuda.atomic.add(right, 0, 1)", "right[0] += 1"),
    ("last_of_equals", "> logits[row, best]", ">= logits[row, best]"),
    (
        "from_zero",
        "        best = 0\n",
        "        best, most = 0, 0\n",
        "            if logits[row, c] > logits[row, best]:\n"
        "                best = c\n",
        "            if logits[row, c] > most:\n"
        "                best, most = c, logits[row, c]\n",
    ),
    ("wrong_ones", "best == labels", "best != labels"),
    ("out_of_bounds", "if row < labels.size:", "if True:"),
    (
        "work_not_shared",
        "    row = cuda.grid(1)\n    if row < labels.size:\n",
        "    n = labels.size\n"
        "    for row in range(n if cuda.grid(1) == 0 else 0):\n",
    ),
)
HINTS = (
    "Two threads of a warp are both right. What do they read from "
    "right[0], and what do they write?",
    "Reading, adding and writing must not be interrupted: chapter 12 has "
    "a name for that.",
    "cuda.atomic.add(right, 0, 1)",
)
MISTAKES = (
    Mistake(
        "last_of_equals",
        "Of several equal logits the last one is taken: the first counts.",
        gives=last_of_equals,
    ),
    Mistake(
        "from_zero",
        "The search starts from the value 0, so a row "
        "of negative logits has no largest one: start from an "
        "element of the row.",
        gives=from_zero,
    ),
    Mistake(
        "wrong_ones", "It counts the rows that are wrong.", gives=wrong_ones
    ),
)
