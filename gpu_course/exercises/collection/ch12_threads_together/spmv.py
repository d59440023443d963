"""spmv: a sparse matrix times a vector, one thread per row."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch

PLACE = 7
TITLE = "A sparse matrix times a vector"
TASK = (
    "A sparse matrix is stored row by row: row r has the values "
    "`data[k]` in the columns `indices[k]`, for k from `starts[r]` up to "
    "and without `starts[r + 1]`. Write the matrix times `x` into `out`, "
    "one thread a row. Rows may be empty, and `out` holds other numbers "
    "before."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def spmv(data, indices, starts, x, out):
    row = cuda.grid(1)
    if row < out.size:
        for k in range(starts[row], starts[row + 1]):
            out[row] += data[k] * x[k]
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def spmv(data, indices, starts, x, out):
    row = cuda.grid(1)
    if row < out.size:
        total = float32(0)
        for k in range(starts[row], starts[row + 1]):
            total += data[k] * x[indices[k]]
        out[row] = total
"""


def specification(data, indices, starts, x, out):
    for row in range(out.size):
        k = slice(starts[row], starts[row + 1])
        out[row] = (data[k] * x[indices[k]]).sum()


def made(rows, columns, random):
    """Return a matrix with empty rows, a full row and a one-element row."""
    lengths = random.integers(0, min(columns, 6) + 1, rows)
    lengths[rows // 2] = 0
    lengths[0] = columns
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    indices = np.concatenate(
        [np.sort(random.permutation(columns)[:n]) for n in lengths]
    ).astype(np.int32)
    data = random.normal(size=len(indices)).astype(np.float32)
    x = random.normal(size=columns).astype(np.float32)
    out = random.normal(size=rows).astype(np.float32)
    return data, indices, starts, x, out


def cases():
    random = generator()
    return [
        Launch(
            blocks_for(rows, 32), 32, made(rows, columns, random), rows < 1000
        )
        for rows, columns in (
            (1, 1),
            (2, 5),
            (31, 7),
            (32, 40),
            (33, 9),
            (70, 70),
            (5003, 301),
        )
    ]


TOLERANCE = 1e-5
WRONG = (
    ("adds_to_the_old", "out[row] = total", "out[row] += total"),
    ("out_of_bounds", "if row < out.size:", "if row <= out.size:"),
    ("wrong_result", "range(starts[row], ", "range(starts[row] + 1, "),
    (
        "not_all_written",
        "        out[row] = total",
        "        if starts[row + 1] > starts[row]:\n"
        "            out[row] = total",
    ),
)
HINTS = (
    "Which element of x belongs to data[k]?",
    "The column of data[k] is indices[k]. And what was in out before "
    "must not count.",
    "total = float32(0), total += data[k] * x[indices[k]], out[row] = total",
)
