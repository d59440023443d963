"""why_slow: a profiling exercise; the result is right, the kernel slow."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    generator,
    plane_launches,
    unwritten,
)
from gpu_course.exercises.checking.exercise import (
    Launch,
    Limit,
    Mistake,
    edited,
)
from gpu_course.exercises.checking.limits import coalesced

PLACE = 4
TITLE = "Why is this kernel slow?"
TASK = (
    "The kernel scales a matrix and halves what is negative. The result "
    "is right. The `if` divides warps, the barrier makes them wait, and "
    "the indices stand in two orders. Trace it, find which of these "
    "costs turns, and repair it. The result must stay as it is."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def why_slow(x, scale, out):
    tile = cuda.shared.array((32, 32), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    if row < x.shape[0] and column < x.shape[1]:
        tile[tx, ty] = x[row, column] * scale
    cuda.syncthreads()
    if row < x.shape[0] and column < x.shape[1]:
        value = tile[tx, ty]
        if value < float32(0):
            value *= float32(0.5)
        out[row, column] = value
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def why_slow(x, scale, out):
    column, row = cuda.grid(2)
    if row < x.shape[0] and column < x.shape[1]:
        value = x[row, column] * scale
        if value < float32(0):
            value *= float32(0.5)
        out[row, column] = value
"""


def specification(x, scale, out):
    value = x * scale
    out[:] = np.where(value > 0, value, value * np.float32(0.5))


def arguments(rows, columns, random):
    x = random.normal(size=(rows, columns)).astype(np.float32)
    return x, np.float32(-1.5), unwritten((rows, columns))


def cases():
    launches = plane_launches(arguments, (32, 8))
    full = Launch((2, 4), (32, 8), arguments(32, 64, generator()))
    return [*launches[:-1], full, launches[-1]]


def relu(x, scale, out):
    out[:] = np.maximum(x * scale, 0)


TOLERANCE = 1e-6
WRONG = (
    edited(
        STARTER,
        "uninitialised_read",
        "    cuda.syncthreads()\n",
        "",
        "        value = tile[tx, ty]",
        "        value = tile[ty, tx]",
    ),
    edited(
        STARTER,
        "bank_conflicts",
        "        if value < float32(0):\n"
        "            value *= float32(0.5)\n"
        "        out[row, column] = value",
        "        half = value * float32(0.5)\n"
        "        out[row, column] = max(value, half)",
    ),
    ("loses_the_negative", "value *= float32(0.5)", "value = float32(0)"),
    ("out_of_bounds", " and column < x.shape[1]", ""),
)
HINTS = (
    "Which line has the largest number in the column “banks” of "
    "why_slow.trace[(2, 4), (32, 8)](...)?",
    "tx is the last index of x, but the first of the tile. And is the "
    "tile needed at all?",
    "tile[ty, tx] in both places; or no tile and no barrier.",
)
MISTAKES = (
    Mistake(
        "loses_the_negative",
        "What is negative must be halved, not dropped.",
        gives=relu,
    ),
)
LIMITS = (
    Limit(
        "bank_conflicts",
        lambda report: report.max_bank_conflict == 1,
        lambda report: (
            "The result is right, but a request to shared memory takes "
            f"{report.max_bank_conflict} turns."
        ),
    ),
    coalesced(),
)
EQUIVALENT = {
    "value < float32(0) -> value <= float32(0), line 10": "The two "
    "differ only at zero, and half of zero is zero.",
}
