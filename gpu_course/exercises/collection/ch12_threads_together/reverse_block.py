"""reverse_block: exchange through shared memory, with a barrier."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 1
TITLE = "Wait for the others"
TASK = (
    "Each block of 64 threads reverses its own 64 elements, through "
    "shared memory: `out[:] = x.reshape(-1, 64)[:, ::-1].ravel()`. The "
    "result of the starter depends on who comes first."
)

STARTER = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def reverse_block(x, out):
    held = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    held[t] = x[i]
    out[i] = held[63 - t]
"""

SOLUTION = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def reverse_block(x, out):
    held = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    held[t] = x[i]
    cuda.syncthreads()
    out[i] = held[63 - t]
"""


def specification(x, out):
    out[:] = x.reshape(-1, 64)[:, ::-1].ravel()


def the_whole(x, out):
    out[:] = x[::-1]


def cases():
    random = generator()
    return [
        Launch(
            n,
            64,
            (
                random.permutation(64 * n).astype(np.int32),
                np.full(64 * n, -1, np.int32),
            ),
            n < 10,
        )
        for n in (1, 2, 3, 700)
    ]


WRONG = (
    ("race", "    cuda.syncthreads()\n", "    pass\n"),
    ("out_of_bounds", "63 - t", "64 - t"),
    (
        "barrier_divergence",
        "    cuda.syncthreads()\n",
        "    if t < 32:\n        cuda.syncthreads()\n",
    ),
    (
        "reverses_all",
        "out[i] = held",
        "out[out.size - 64 - cuda.blockIdx.x * 64 + t] = held",
    ),
)
HINTS = (
    "When thread 0 reads held[63], who has written it?",
    "Everybody must have written before anybody reads.",
    "cuda.syncthreads() between the two lines, for all threads.",
)
MISTAKES = (
    Mistake(
        "reverses_all",
        "The whole array is reversed, and not each block of 64 for itself.",
        gives=the_whole,
    ),
)
EQUIVALENT = {
    "64 -> 65, line 7": "One element more, which nobody uses.",
}
