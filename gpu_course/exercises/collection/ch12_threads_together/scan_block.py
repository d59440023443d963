"""scan_block: running sums, with two buffers."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 5
TITLE = "Running sums"
TASK = (
    "Each block of 64 threads writes the running sums of its own 64 "
    "elements: `out[:] = x.reshape(-1, 64).cumsum(1).ravel()`. The "
    "starter has the idea, and two mistakes."
)

STARTER = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def scan_block(x, out):
    sums = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    sums[t] = x[i]
    cuda.syncthreads()
    step = 1
    while step < 64:
        if t >= step:
            sums[t] += sums[t - step]
            cuda.syncthreads()
        step *= 2
    out[i] = sums[t]
"""

SOLUTION = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def scan_block(x, out):
    sums = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    sums[t] = x[i]
    cuda.syncthreads()
    step = 1
    while step < 64:
        value = sums[t]
        if t >= step:
            value += sums[t - step]
        cuda.syncthreads()
        sums[t] = value
        cuda.syncthreads()
        step *= 2
    out[i] = sums[t]
"""


def specification(x, out):
    out[:] = x.reshape(-1, 64).cumsum(1).ravel()


def exclusive(x, out):
    out[:] = (x.reshape(-1, 64).cumsum(1) - x.reshape(-1, 64)).ravel()


def the_whole(x, out):
    out[:] = x.cumsum()


def cases():
    random = generator()
    return [
        Launch(
            n,
            64,
            (
                random.integers(-99, 99, 64 * n).astype(np.int32),
                np.full(64 * n, 7, np.int32),
            ),
            n < 10,
        )
        for n in (1, 2, 3, 300)
    ]


WRONG = (
    (
        "race",
        "        cuda.syncthreads()\n        sums[t] = value\n",
        "        sums[t] = value\n",
    ),
    (
        "barrier_divergence",
        "        cuda.syncthreads()\n        sums[t] = value",
        "            cuda.syncthreads()\n        sums[t] = value",
    ),
    ("exclusive", "out[i] = sums[t]", "out[i] = sums[t] - x[i]"),
    ("wrong_result", "step < 64", "step < 32"),
    ("negative_index", "t >= step", "t >= step - 1"),
)
HINTS = (
    "Which threads come to the starter's barrier when step is 32?",
    "All threads must come to each barrier; and nobody may write sums[t] "
    "while another may still read the old one.",
    "Read both into a variable, wait, write it, wait: two barriers in "
    "each turn, both outside of the if.",
)
MISTAKES = (
    Mistake(
        "exclusive", "Each sum leaves out the element itself.", gives=exclusive
    ),
    Mistake(
        "over_blocks", "The sums run on from block to block.", gives=the_whole
    ),
)
EQUIVALENT = {
    "64 -> 65, line 7": "One element more, which nobody uses.",
    "step < 64 -> step <= 64, line 13": "In the additional turn no "
    "thread has a number of 64 or more, so nothing is added.",
    "64 -> 65, line 13": "In the additional turn no thread has a "
    "number of 64 or more, so nothing is added.",
    "64 -> 63, line 13": "step takes the values 1 to 32 and then 64, so "
    "both end the loop there.",
}
