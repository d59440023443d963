"""add_planes: the axis that runs along memory."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import coalesced

PLACE = 2
TITLE = "The right axis"
TASK = (
    "Add two matrices. The result has to be right for every shape, and "
    "each request has to use all of the bytes that it moves. The grid "
    "covers the larger side of the matrix along both of its axes."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def add_planes(a, b, out):
    row, column = cuda.grid(2)
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = a[row, column] + b[row, column]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def add_planes(a, b, out):
    column, row = cuda.grid(2)
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = a[row, column] + b[row, column]
"""


def specification(a, b, out):
    out[:] = a + b


def arguments(rows, columns, random):
    a, b = random.normal(size=(2, rows, columns)).astype(np.float32)
    return a, b, unwritten((rows, columns))


def cases():
    random, launches = generator(), []
    for rows, columns in (
        (1, 1),
        (1, 7),
        (5, 1),
        (3, 9),
        (13, 33),
        (32, 32),
        (131, 257),
    ):
        size = max(rows, columns)
        grid = blocks_for(size, 32), blocks_for(size, 8)
        made = arguments(rows, columns, random)
        launches.append(Launch(grid, (32, 8), made, rows < 100))
    return launches


def only_32(a, b, out):
    out[:, :32] = (a + b)[:, :32]


def difference(a, b, out):
    out[:] = a - b


WRONG = (
    ("uncoalesced", "column, row", "row, column"),
    ("out_of_bounds", "row < out.shape[0] and ", ""),
    (
        "hard_coded_size",
        "column < out.shape[1]",
        "column < min(out.shape[1], 32)",
    ),
    ("subtracts", "a[row, column] +", "a[row, column] -"),
)
HINTS = (
    "Which of x and y do the threads of a warp differ in?",
    "Neighbouring threads should have neighbouring columns.",
    "column, row = cuda.grid(2)",
)
MISTAKES = (
    Mistake(
        "hard_coded_size",
        "Only the first 32 columns are added.",
        gives=only_32,
    ),
    Mistake("subtracts", "It subtracts.", gives=difference),
)
LIMITS = (coalesced(),)
