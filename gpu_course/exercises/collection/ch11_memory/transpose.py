"""transpose: use a tile of shared memory without bank conflicts."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Limit
from gpu_course.exercises.checking.limits import worst_line

PLACE = 3
TITLE = "A transpose that moves whole sectors"
TASK = (
    "Transpose a matrix of any shape with blocks of 32×32 threads. Read "
    "and write whole sectors, and let no bank of shared memory be asked "
    "twice in a request."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def transpose(x, out):
    column, row = cuda.grid(2)
    if row < x.shape[0] and column < x.shape[1]:
        out[column, row] = x[row, column]
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def transpose(x, out):
    tile = cuda.shared.array((32, 33), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    if top + ty < x.shape[0] and left + tx < x.shape[1]:
        tile[ty, tx] = x[top + ty, left + tx]
    cuda.syncthreads()
    if left + ty < x.shape[1] and top + tx < x.shape[0]:
        out[left + ty, top + tx] = tile[tx, ty]
"""


def specification(x, out):
    out[:] = x.T


def cases():
    random, launches = generator(), []
    for rows, columns in ((1, 1), (3, 40), (33, 31), (64, 64), (517, 331)):
        x = random.normal(size=(rows, columns)).astype(np.float32)
        out = unwritten((columns, rows))
        grid = blocks_for(columns, 32), blocks_for(rows, 32)
        launches.append(Launch(grid, (32, 32), (x, out), rows < 100))
    return launches


WRONG = (
    ("race", "    cuda.syncthreads()\n", ""),
    ("bank_conflicts", "(32, 33)", "(32, 32)"),
    (
        "uncoalesced",
        "if left + ty < x.shape[1] and top + tx < x.shape[0]:\n"
        "        out[left + ty, top + tx] = tile[tx, ty]",
        "if left + tx < x.shape[1] and top + ty < x.shape[0]:\n"
        "        out[left + tx, top + ty] = tile[ty, tx]",
    ),
    ("uninitialised_read", "= tile[tx, ty]", "= tile[ty, tx]"),
    (
        "out_of_bounds",
        "left + ty < x.shape[1] and top + tx < x.shape[0]",
        "left + ty < x.shape[1]",
    ),
)
HINTS = (
    "Which of reading and writing goes down a column here?",
    "Read a tile row by row into shared memory, wait, and write it row "
    "by row, with the roles of the threads' axes exchanged.",
    "A row of the tile has 33 words. out[left + ty, top + tx] = "
    "tile[tx, ty], for the block's corner left, top.",
)
LIMITS = (
    Limit(
        "uncoalesced",
        lambda report: report.coalescing_efficiency > 0.99,
        lambda report: (
            f"The result is right, with {report.global_sectors:,} "
            "sectors for 64×64 elements, where 1,024 are enough. "
            f"{worst_line(report)}"
        ),
    ),
    Limit(
        "bank_conflicts",
        lambda report: report.max_bank_conflict == 1,
        lambda report: (
            "The result is right, but a request to shared memory takes "
            f"{report.max_bank_conflict} turns: its lanes want as many "
            "words of one bank."
        ),
    ),
)
EQUIVALENT = {
    "32 -> 33, line 7": "The tile has one row more, and nobody uses it; "
    "its pitch, and so each word's bank, stays the same.",
}
