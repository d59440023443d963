"""matmul: the product of two matrices, tile by tile."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Limit, Mistake

PLACE = 6
TITLE = "A tiled product"
TASK = (
    "Multiply matrices of any shapes, with blocks of 16×16 threads: "
    "`out[:] = a @ b`. Let each block bring tiles of 16×16 elements into "
    "shared memory, so that each is read from global memory once a block."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def matmul(a, b, out):
    column, row = cuda.grid(2)
    if row < out.shape[0] and column < out.shape[1]:
        total = float32(0)
        for k in range(a.shape[1]):
            total += a[row, k] * b[k, column]
        out[row, column] = total
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def matmul(a, b, out):
    tile_a = cuda.shared.array((16, 16), float32)
    tile_b = cuda.shared.array((16, 16), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], 16):
        tile_a[ty, tx] = tile_b[ty, tx] = 0
        if row < a.shape[0] and start + tx < a.shape[1]:
            tile_a[ty, tx] = a[row, start + tx]
        if start + ty < b.shape[0] and column < b.shape[1]:
            tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(16):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = total
"""


def specification(a, b, out):
    out[:] = a @ b


def one_tile(a, b, out):
    out[:] = a[:, :16] @ b[:16]


def cases():
    random, launches = generator(), []
    shapes = (
        (1, 1, 1),
        (3, 17, 2),
        (17, 5, 18),
        (18, 33, 7),
        (32, 32, 32),
        (150, 131, 97),
    )
    for rows, inner, columns in shapes:
        a = random.normal(size=(rows, inner)).astype(np.float32)
        b = random.normal(size=(inner, columns)).astype(np.float32)
        out = unwritten((rows, columns))
        grid = blocks_for(columns, 16), blocks_for(rows, 16)
        launches.append(Launch(grid, (16, 16), (a, b, out), rows < 100))
    return launches


TOLERANCE = 1e-5
WRONG = (
    (
        "race",
        "            total += tile_a[ty, k] * tile_b[k, tx]\n"
        "        cuda.syncthreads()\n",
        "            total += tile_a[ty, k] * tile_b[k, tx]\n",
    ),
    (
        "uninitialised_read",
        "tile_a[ty, tx] = tile_b[ty, tx] = 0",
        "tile_a[ty, tx] = 0",
    ),
    (
        "out_of_bounds",
        "row < a.shape[0] and start + tx < a.shape[1]",
        "row < a.shape[0]",
    ),
    ("one_tile_only", "range(0, a.shape[1], 16)", "range(0, 16, 16)"),
)
HINTS = (
    "How often is one element of b read by the starter, in all?",
    "In each turn of a loop over k by 16: every thread brings one "
    "element of each tile, all wait, all add up 16 products, all wait. "
    "Threads outside of out bring elements too: none may return early.",
    "Two shared arrays (16, 16), zero outside of the matrices; two "
    "barriers in the loop, one after each of its halves.",
)
MISTAKES = (
    Mistake(
        "one_tile_only",
        "Only the first 16 products of each sum are "
        "added: the loop over tiles ends too early.",
        gives=one_tile,
    ),
)
LIMITS = (
    Limit(
        "not_tiled",
        lambda report: report.global_requests <= 200,
        lambda report: (
            f"The result is right, with {report.global_requests:,} "
            "requests to global memory for 32×32 matrices. With a tile "
            "of each matrix 160 are enough."
        ),
    ),
)
EQUIVALENT = {
    f"16 -> 17, line {line}{place}": "The tile is larger than what is "
    "used of it, and each index stays inside."
    for line in (7, 8)
    for place in ("", " (2)")
}
