"""block_sum: a tree of sums in shared memory."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 2
TITLE = "A sum for each block"
TASK = (
    "Write the sum of each block's 64 elements of `x` into `sums`; the "
    "last block may have fewer. What was in `sums` before does not "
    "count. Add up as a tree in shared memory."
)

STARTER = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def block_sum(x, sums):
    i = cuda.grid(1)
    if i < x.size:
        sums[cuda.blockIdx.x] += x[i]
"""

SOLUTION = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def block_sum(x, sums):
    parts = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    parts[t] = x[i] if i < x.size else 0
    cuda.syncthreads()
    step = 32
    while step > 0:
        if t < step:
            parts[t] += parts[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = parts[0]
"""


def specification(x, sums):
    for block in range(sums.size):
        sums[block] = x[64 * block : 64 * (block + 1)].sum()


def half(x, sums):
    for block in range(sums.size):
        sums[block] = x[64 * block : 64 * (block + 1)][:32].sum()


def cases():
    random = generator()
    return [
        Launch(
            blocks_for(n, 64),
            64,
            (
                random.integers(-999, 999, n).astype(np.int32),
                np.full(blocks_for(n, 64), 77, np.int32),
            ),
            n < 1000,
        )
        for n in (1, 0, 2, 33, 63, 64, 65, 131, 128, 20_011)
    ]


WRONG = (
    ("race", "        cuda.syncthreads()\n        step", "        step"),
    (
        "barrier_divergence",
        "            parts[t] += parts[t + step]\n        cuda.syncthreads()",
        "            parts[t] += parts[t + step]\n"
        "            cuda.syncthreads()",
    ),
    ("out_of_bounds", "x[i] if i < x.size else 0", "x[i]"),
    ("half_the_elements", "step = 32", "step = 16"),
)
HINTS = (
    "How many threads write sums[0] in the starter, and in which order?",
    "Put the elements into shared memory, zeros where there are none; "
    "then let 32 threads add the upper half to the lower, then 16, ...",
    "A while loop over step = 32, 16, ..., 1 with a barrier, outside of "
    "the if, after each step; thread 0 writes parts[0].",
)
MISTAKES = (
    Mistake(
        "half_the_elements",
        "Only the first half of each block is "
        "added: the tree starts one step too late.",
        gives=half,
    ),
)
EQUIVALENT = {
    "64 -> 65, line 7": "One element more, which nobody uses.",
    "0 -> 1, line 18": "After the last barrier any one thread may write "
    "the sum, and thread 1 is there as well.",
}
