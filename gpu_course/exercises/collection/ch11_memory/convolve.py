"""convolve: a 3×3 filter through a shared tile with its border."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.events import global_events
from gpu_course.exercises.checking.exercise import Launch, Limit, Mistake
from gpu_course.exercises.checking.limits import worst_line

PLACE = 5
TITLE = "A filter with a shared tile"
TASK = (
    "Each pixel of `out` is the sum of the 3×3 pixels around it, each "
    "times its weight; pixels outside of the image count as zero. Blocks "
    "are 16×16, and each brings the 18×18 pixels that it needs into "
    "shared memory."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def convolve(image, weights, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        total = float32(0)
        for i in range(3):
            for j in range(3):
                r, c = row + i - 1, column + j - 1
                if 0 <= r and r < height and 0 <= c and c < width:
                    total += image[r, c] * weights[i, j]
        out[row, column] = total
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def convolve(image, weights, out):
    tile = cuda.shared.array((18, 18), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 16, cuda.blockIdx.y * 16
    height, width = image.shape
    for i in range(ty, 18, 16):
        for j in range(tx, 18, 16):
            r, c = top + i - 1, left + j - 1
            inside = 0 <= r and r < height and 0 <= c and c < width
            tile[i, j] = image[r, c] if inside else float32(0)
    cuda.syncthreads()
    if top + ty < height and left + tx < width:
        total = float32(0)
        for i in range(3):
            for j in range(3):
                total += tile[ty + i, tx + j] * weights[i, j]
        out[top + ty, left + tx] = total
"""


def filtered(image, weights):
    padded = np.pad(image, 1)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.einsum("ijrs,rs->ij", around, weights)


def specification(image, weights, out):
    out[:] = filtered(image, weights)


def flipped(image, weights, out):
    out[:] = filtered(image, weights[::-1, ::-1])


def turned(image, weights, out):
    out[:] = filtered(image, weights.T)


def pixels_read(report):
    """Return how many elements of the image the threads load."""
    record = report.record
    image = next(p for p in record.allocations if p.name == "image")
    offset = record.value[global_events(record, ("load",))] - image.address
    return int(((offset >= 0) & (offset < image.nbytes)).sum())


def cases():
    random, launches = generator(), []
    for rows, columns in (
        (1, 1),
        (2, 5),
        (17, 3),
        (15, 18),
        (32, 32),
        (131, 97),
    ):
        image = random.normal(size=(rows, columns)).astype(np.float32)
        weights = random.normal(size=(3, 3)).astype(np.float32)
        out = unwritten((rows, columns))
        grid = blocks_for(columns, 16), blocks_for(rows, 16)
        arguments = image, weights, out
        launches.append(Launch(grid, (16, 16), arguments, rows < 100))
    return launches


TOLERANCE = 1e-5
WRONG = (
    ("race", "    cuda.syncthreads()\n", ""),
    ("uninitialised_read", "range(ty, 18, 16)", "range(ty, 16, 16)"),
    ("flipped_weights", "weights[i, j]", "weights[2 - i, 2 - j]"),
    ("wrong_axis", "weights[i, j]", "weights[j, i]"),
    ("negative_index", "0 <= r and r < height and ", "r < height and "),
)
HINTS = (
    "Which pixels does a block of 16×16 threads need in all?",
    "324 pixels for 256 threads: some threads bring two or four. Then "
    "wait, then compute from the tile.",
    "for i in range(ty, 18, 16): for j in range(tx, 18, 16): tile[i, j] "
    "= image[top + i - 1, left + j - 1] if that is inside, else 0.",
)
MISTAKES = (
    Mistake(
        "flipped_weights",
        "The weights are turned by 180 degrees: "
        "the first of them belongs to the pixel above and left.",
        gives=flipped,
    ),
    Mistake(
        "wrong_axis",
        "Rows and columns of the weights are exchanged.",
        gives=turned,
    ),
)
LIMITS = (
    Limit(
        "not_tiled",
        lambda report: pixels_read(report) <= 1296,
        lambda report: (
            f"The result is right, but {pixels_read(report):,} pixels "
            "are read from global memory. The tiles of the four blocks "
            "hold 1,296, at 18×18 each."
        ),
    ),
    Limit(
        "uncoalesced",
        lambda report: report.global_sectors <= 900,
        lambda report: (
            f"The result is right, with {report.global_sectors:,} "
            "sectors for 32×32 pixels, where 688 are enough. "
            f"{worst_line(report)}"
        ),
    ),
)
EQUIVALENT = {
    "18 -> 19, line 7": "The tile has a row more, which nobody uses.",
    "18 -> 19, line 7 (2)": "The tile has a column more, which nobody uses.",
}
