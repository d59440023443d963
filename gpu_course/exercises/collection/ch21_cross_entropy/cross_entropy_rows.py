"""cross_entropy_rows: one thread per row of logits."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 2
TITLE = "Cross-entropy, a thread for each row"
TASK = (
    "Write the cross-entropy of each row of `logits` with its label, "
    "log Σ exp(z) − z[label], one thread for each row. Logits may be as "
    "large as ±10,000. There may be more threads than rows."
)

STARTER = """\
import math
import numpy as np
from gpu_course import cuda


@cuda.jit
def cross_entropy_rows(logits, labels, losses):
    row = cuda.grid(1)
    if row < labels.size:
        total = np.float32(0)
        for c in range(logits.shape[1]):
            total += math.exp(logits[row, c])
        losses[row] = math.log(total) - logits[row, labels[row]]
"""

SOLUTION = """\
import math
import numpy as np
from gpu_course import cuda


@cuda.jit
def cross_entropy_rows(logits, labels, losses):
    row = cuda.grid(1)
    if row < labels.size:
        largest = logits[row, 0]
        for c in range(logits.shape[1]):
            largest = max(largest, logits[row, c])
        total = np.float32(0)
        for c in range(logits.shape[1]):
            total += math.exp(logits[row, c] - largest)
        right = logits[row, labels[row]]
        losses[row] = math.log(total) + (largest - right)
"""


def surprise(logits, labels, right=True):
    z = logits.astype(np.float64)
    total = np.logaddexp.reduce(z, axis=1)
    return total - z[np.arange(labels.size), labels] if right else total


def specification(logits, labels, losses):
    losses[:] = surprise(logits, labels)


def naive(logits, labels, losses):
    total = np.exp(logits).sum(axis=1)
    losses[:] = np.log(total) - logits[np.arange(labels.size), labels]


def without_label(logits, labels, losses):
    losses[:] = surprise(logits, labels, False) - logits.max(axis=1)


def negative(logits, labels, losses):
    losses[:] = -surprise(logits, labels)


def cases():
    random, launches = generator(), []
    for rows, classes in (
        (1, 1),
        (1, 2),
        (31, 3),
        (32, 10),
        (33, 5),
        (5000, 10),
    ):
        z = random.normal(0, 3, (rows, classes)).astype(np.float32)
        labels = random.integers(0, classes, rows)
        if rows > 1:
            z[0], labels[0] = np.linspace(-1e4, 1e4, classes), 0
            z[1] = 1e4 - np.arange(classes)
            z[2] = -1e4 + np.arange(classes)
        losses = unwritten(rows)
        launches.append(
            Launch(blocks_for(rows, 32), 32, (z, labels, losses), rows < 99)
        )
    return launches


TOLERANCE = 1e-5
WRONG = (
    ("out_of_bounds", "if row < labels.size:", "if True:"),
    (
        "naive",
        "            largest = max(largest, logits[row, c])",
        "            largest = np.float32(0)",
        "largest = logits[row, 0]",
        "largest = np.float32(0)",
    ),
    ("without_label", " + (largest - right)", ""),
    (
        "negative",
        "math.log(total) + (largest - right)",
        "(right - largest) - math.log(total)",
    ),
)
HINTS = (
    "What is exp(10000) in float32?",
    "Find the row's largest logit first, in a loop of its own.",
    "log(total) + (largest - right), with total the sum of "
    "exp(logits[row, c] - largest).",
)
MISTAKES = (
    Mistake(
        "naive",
        "Exponentials overflow or vanish: subtract the "
        "row's largest logit first.",
        gives=naive,
    ),
    Mistake(
        "without_label",
        "The right class isn't used: subtract its logit.",
        gives=without_label,
    ),
    Mistake(
        "negative",
        "The sign is wrong: a loss is never negative here.",
        gives=negative,
    ),
)
