"""scatter_add_rows: add the gradients of a lookup to the rows of a table."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import coalesced

PLACE = 2
TITLE = "Add rows where they came from"
TASK = (
    "Add row `r` of `grads` to row `ids[r]` of `table`, for all r: "
    "`np.add.at(table, ids, grads)`. An id may come several times. There is "
    "a thread for each number of `grads`, and some more. Keep the requests "
    "coalesced."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def scatter_add_rows(grads, ids, table):
    i = cuda.grid(1)
    if i < grads.size:
        r, k = i // grads.shape[1], i % grads.shape[1]
        table[ids[r], k] += grads[r, k]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def scatter_add_rows(grads, ids, table):
    i = cuda.grid(1)
    if i < grads.size:
        r, k = i // grads.shape[1], i % grads.shape[1]
        cuda.atomic.add(table, (ids[r], k), grads[r, k])
"""


def specification(grads, ids, table):
    np.add.at(table, ids, grads)


def cases():
    random, launches = generator(), []
    for rows, width, looked_up in (
        (1, 1, 1),
        (5, 3, 0),
        (2, 7, 9),
        (40, 5, 13),
        (3, 33, 8),
        (50, 64, 12),
        (301, 48, 701),
    ):
        # Whole numbers: their sums are exact in any order.
        grads = random.integers(-9, 10, (looked_up, width))
        table = random.integers(-9, 10, (rows, width))
        ids = random.integers(0, rows, looked_up).astype(np.int32)
        ids[1::3] = 0  # a popular row
        arrays = grads.astype(np.float32), ids, table.astype(np.float32)
        grid = blocks_for(looked_up * width, 64)
        launches.append(Launch(grid, 64, arrays, looked_up < 100))
    return launches


def subtracted(grads, ids, table):
    np.subtract.at(table, ids, grads)


def in_order(grads, ids, table):
    np.add.at(table, np.arange(len(grads)) % len(table), grads)


WRONG = (
    (
        "non_atomic_update",
        "cuda.atomic.add(table, (ids[r], k), grads[r, k])",
        "table[ids[r], k] += grads[r, k]",
    ),
    (
        "wrong_result",
        "cuda.atomic.add(table, (ids[r], k), grads[r, k])",
        "table[ids[r], k] = grads[r, k]",
    ),
    (
        "uncoalesced",
        "r, k = i // grads.shape[1], i % grads.shape[1]",
        "r, k = i % ids.size, i // ids.size",
    ),
    ("subtracts", "atomic.add", "atomic.sub"),
    ("without_ids", "(ids[r], k)", "(r % table.shape[0], k)"),
    ("out_of_bounds", "if i < grads.size:", "if i <= grads.size:"),
)
HINTS = (
    "Two rows of grads have the same id. What do their two threads read "
    "from the table, and what does each write?",
    "Read, add and write have to be one step that nothing interrupts: an "
    "atomic addition.",
    "cuda.atomic.add(table, (ids[r], k), grads[r, k])",
)
MISTAKES = (
    Mistake(
        "subtracts",
        "It subtracts. The gradients are added up; the optimizer takes the "
        "step.",
        gives=subtracted,
    ),
    Mistake(
        "without_ids",
        "It adds row r to row r of the table: it belongs to row ids[r].",
        gives=in_order,
    ),
)
LIMITS = (coalesced(),)
