"""average_shards: the mean of the processes' gradients, as a kernel."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import NO_FLOAT64

PLACE = 3
TITLE = "The mean of the gradients"
TASK = (
    "The gradients of all processes lie in one array, `shards[rank, i]`. "
    "Write their mean over the ranks to `out[i]`, one thread for each i, "
    "everything in float32. There may be more threads than parameters."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def average_shards(shards, out):
    i = cuda.grid(1)
    if i < out.size:
        total = float32(0)
        for rank in range(shards.shape[0]):
            total = shards[rank, i]
        out[i] = total
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def average_shards(shards, out):
    i = cuda.grid(1)
    if i < out.size:
        total = float32(0)
        for rank in range(shards.shape[0]):
            total += shards[rank, i]
        out[i] = total / float32(shards.shape[0])
"""


def added(shards):
    total = np.zeros(shards.shape[1], np.float32)
    for one in shards:
        total += one
    return total


def specification(shards, out):
    out[:] = added(shards) / np.float32(len(shards))


def only_the_last(shards, out):
    out[:] = shards[-1]


def only_the_first(shards, out):
    out[:] = shards[0]


def not_divided(shards, out):
    out[:] = added(shards)


def divided_by_parameters(shards, out):
    out[:] = added(shards) / np.float32(max(1, out.size))


def first_left_out(shards, out):
    out[:] = added(shards[1:]) / np.float32(len(shards))


def cases():
    random = generator()
    return [
        Launch(
            blocks_for(n, 32),
            32,
            (random.normal(1, 2, (p, n)).astype(np.float32), unwritten(n)),
            n < 1000,
        )
        for p, n in (
            (2, 1),
            (3, 0),
            (2, 31),
            (1, 32),
            (3, 33),
            (8, 97),
            (5, 10_007),
        )
    ]


TOLERANCE = 1e-6
WRONG = (
    (
        "only_the_last",
        "total += shards[rank, i]",
        "total = shards[rank, i]",
        "total / float32(shards.shape[0])",
        "total",
    ),
    (
        "only_the_first",
        "range(shards.shape[0])",
        "range(1)",
        "total / float32(shards.shape[0])",
        "total",
    ),
    ("not_divided", " / float32(shards.shape[0])", ""),
    (
        "divided_by_parameters",
        "float32(shards.shape[0])",
        "float32(shards.shape[1])",
    ),
    ("first_left_out", "range(shards.shape[0])", "range(1, shards.shape[0])"),
    ("float64", "total = float32(0)", "total = 0.0"),
    ("out_of_bounds", "i < out.size", "i <= out.size"),
)
HINTS = (
    "What does total hold after each turn of the loop?",
    "Add to the total in each turn, and divide once, in float32.",
    "total = float32(0), then total += shards[rank, i] for each rank, then "
    "out[i] = total / float32(shards.shape[0])",
)
MISTAKES = (
    Mistake(
        "only_the_last",
        "Each rank overwrites the one before, so the last one's gradient is "
        "left: add them up.",
        gives=only_the_last,
    ),
    Mistake(
        "only_the_first",
        "That is the gradient of rank 0 alone. The network would learn from "
        "its share of the batch only.",
        gives=only_the_first,
    ),
    Mistake(
        "not_divided",
        "That is the sum. With it, each process more makes the step larger: "
        "divide by the number of processes.",
        gives=not_divided,
    ),
    Mistake(
        "divided_by_parameters",
        "It divides by the number of parameters. A mean over the processes "
        "is divided by their number, shards.shape[0].",
        gives=divided_by_parameters,
    ),
    Mistake(
        "first_left_out",
        "Rank 0 is missing in the sum: ranks count from 0.",
        gives=first_left_out,
    ),
)
LIMITS = (NO_FLOAT64,)
