"""softmax_rows: one warp per row."""

import numpy as np

from gpu_course.exercises.checking.cases import generator, unwritten
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 6
TITLE = "Softmax, a warp for each row"
TASK = (
    "For each row of `x`: the exponentials of the row, divided by their "
    "sum. Subtract the row's largest element before, which changes "
    "nothing on paper and lets no exponential overflow. A block is one "
    "warp and has one row."
)

STARTER = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def softmax_rows(x, out):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for j in range(x.shape[1]):
        total += math.exp(x[row, j])
    for j in range(lane, x.shape[1], 32):
        out[row, j] = math.exp(x[row, j]) / total
"""

SOLUTION = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def softmax_rows(x, out):
    row, lane = cuda.blockIdx.x, cuda.threadIdx.x
    largest = x[row, 0]
    for j in range(lane, x.shape[1], 32):
        largest = max(largest, x[row, j])
    step = 16
    while step > 0:
        other = cuda.shfl_xor_sync(0xFFFFFFFF, largest, step)
        largest = max(largest, other)
        step //= 2
    total = float32(0)
    for j in range(lane, x.shape[1], 32):
        total += math.exp(x[row, j] - largest)
    step = 16
    while step > 0:
        total += cuda.shfl_xor_sync(0xFFFFFFFF, total, step)
        step //= 2
    for j in range(lane, x.shape[1], 32):
        out[row, j] = math.exp(x[row, j] - largest) / total
"""


def exponentials(x):
    return np.exp(x - x.max(axis=1, keepdims=True))


def specification(x, out):
    e = exponentials(x.astype(np.float64))
    out[:] = e / e.sum(axis=1, keepdims=True)


def overflowing(x, out):
    e = np.exp(x)
    out[:] = e / e.sum(axis=1, keepdims=True)


def not_divided(x, out):
    out[:] = exponentials(x)


def cases():
    random, launches = generator(), []
    for rows, columns in (
        (1, 1),
        (2, 3),
        (3, 32),
        (2, 33),
        (3, 70),
        (400, 101),
    ):
        x = random.normal(0, 3, (rows, columns)).astype(np.float32)
        if columns > 1:
            x[0] = np.linspace(-1000, 1000, columns)
            x[0, -1] = 3000  # the largest is last and far above the others
        if rows > 1:
            x[1] = -900 + random.permutation(columns) / columns
        out = unwritten((rows, columns))
        launches.append(Launch(rows, 32, (x, out), rows < 10))
    return launches


TOLERANCE = 1e-5
WRONG = (
    (
        "overflows",
        "    largest = x[row, 0]\n",
        "    largest = float32(0)\n",
        "        largest = max(largest, x[row, j])\n",
        "        largest = float32(0)\n",
    ),
    ("not_divided", "- largest) / total", "- largest)"),
    ("wrong_result", "largest = x[row, 0]", "largest = float32(0)"),
    (
        "out_of_bounds",
        "    for j in range(lane, x.shape[1], 32):\n        out",
        "    for j in range(lane, x.shape[1] + 1, 32):\n        out",
    ),
    (
        "not_all_written",
        "    for j in range(lane, x.shape[1], 32):\n        out",
        "    for j in range(lane, min(x.shape[1], 32), 32):\n        out",
    ),
)
HINTS = (
    "What is exp(1000) in float32?",
    "Three loops over the row: the largest, the sum, the result. Lanes "
    "exchange what they found by shuffles.",
    "cuda.shfl_xor_sync with steps 16, 8, 4, 2, 1 gives every lane the "
    "largest, and then the sum.",
)
MISTAKES = (
    Mistake(
        "overflows",
        "Exponentials of large numbers are infinite: "
        "subtract the row's largest element first.",
        gives=overflowing,
    ),
    Mistake(
        "not_divided",
        "The rows don't add up to one: divide by the sum.",
        gives=not_divided,
    ),
)
EQUIVALENT = {
    "16 -> 17, line 12": "Steps of 17, 8, 4, 2 and 1 reach every lane as "
    "well: 17 exchanges by 16 and by 1 at once.",
    "16 -> 17, line 20": "Steps of 17, 8, 4, 2 and 1 reach every lane "
    "once as well: 17 exchanges by 16 and by 1 at once.",
    "32 -> 31, line 10": "Every element is still visited, some of them "
    "twice, and the largest of them stays the same.",
}
