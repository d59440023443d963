"""gather_rows: look rows of a table up, with whole sectors."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import coalesced

PLACE = 1
TITLE = "Look rows up"
TASK = (
    "Write row `ids[r]` of `table` into row `r` of `out`: "
    "`out[:] = table[ids]`. There is a thread for each number of `out`, and "
    "some more. Each request has to use all of the bytes that it moves."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def gather_rows(table, ids, out):
    r = cuda.grid(1)
    if r < ids.size:
        for k in range(out.shape[1]):
            out[r, k] = table[ids[r], k]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def gather_rows(table, ids, out):
    i = cuda.grid(1)
    if i < out.size:
        r, k = i // out.shape[1], i % out.shape[1]
        out[r, k] = table[ids[r], k]
"""


def specification(table, ids, out):
    out[:] = table[ids]


def cases():
    random, launches = generator(), []
    for rows, width, looked_up in (
        (1, 1, 1),
        (5, 3, 0),
        (2, 7, 3),
        (40, 5, 13),
        (9, 33, 6),
        (50, 64, 12),
        (3001, 48, 701),
    ):
        table = random.normal(size=(rows, width)).astype(np.float32)
        ids = random.integers(0, rows, looked_up).astype(np.int32)
        out = unwritten((looked_up, width))
        grid = blocks_for(looked_up * width, 64)
        launches.append(Launch(grid, 64, (table, ids, out), looked_up < 100))
    return launches


def in_order(table, ids, out):
    out[:] = table[np.arange(len(out)) % len(table)]


def first_column(table, ids, out):
    out[:] = table[ids, :1]


WRONG = (
    (
        "uncoalesced",
        "r, k = i // out.shape[1], i % out.shape[1]",
        "r, k = i % ids.size, i // ids.size",
    ),
    ("without_ids", "table[ids[r], k]", "table[r % table.shape[0], k]"),
    ("first_column", "table[ids[r], k]", "table[ids[r], 0]"),
    ("out_of_bounds", "if i < out.size:", "if i <= out.size:"),
    ("not_all_written", "if i < out.size:", "if i < ids.size:"),
)
HINTS = (
    "In the starter, neighbouring threads have neighbouring ids. Where in "
    "the table do the 32 threads of a warp read at the same time?",
    "Give each number of out a thread, so that neighbouring threads have "
    "neighbouring columns of the same row.",
    "i = cuda.grid(1); r, k = i // out.shape[1], i % out.shape[1]; "
    "if i < out.size: out[r, k] = table[ids[r], k]",
)
MISTAKES = (
    Mistake(
        "without_ids",
        "It copies the rows in the order of the table: row r of out is row "
        "ids[r].",
        gives=in_order,
    ),
    Mistake(
        "first_column",
        "Every column of out gets the first column of the table.",
        gives=first_column,
    ),
)
LIMITS = (coalesced(),)
