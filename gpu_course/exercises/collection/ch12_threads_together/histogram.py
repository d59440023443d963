"""histogram: count in shared memory first."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Launch, Limit, Mistake

PLACE = 4
TITLE = "A histogram of one's own"
TASK = (
    "Add to `counts` how often each of the values 0 to 63 occurs: "
    "`counts += np.bincount(values, minlength=64)`. Blocks have 64 "
    "threads. Count in shared memory first, so that a block touches each "
    "element of `counts` once."
)

STARTER = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def histogram(values, counts):
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        cuda.atomic.add(counts, values[i], 1)
"""

SOLUTION = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def histogram(values, counts):
    mine = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    mine[t] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    cuda.atomic.add(counts, t, mine[t])
"""


def specification(values, counts):
    counts += np.bincount(values, minlength=64).astype(np.int32)


def afresh(values, counts):
    counts[:] = np.bincount(values, minlength=64)


def cases():
    random, launches = generator(), []
    for n, blocks in (
        (1, 1),
        (0, 1),
        (63, 1),
        (65, 2),
        (200, 3),
        (512, 1),
        (50_021, 9),
    ):
        values = random.integers(0, 64, n).astype(np.uint8)
        if n == 200:
            values[:] = 63  # all in the last bin
        counts = random.integers(1, 9, 64).astype(np.int32)
        launches.append(Launch(blocks, 64, (values, counts), n < 1000))
    return launches


WRONG = (
    (
        "non_atomic_update",
        "cuda.atomic.add(mine, values[i], 1)",
        "mine[values[i]] += 1",
    ),
    ("uninitialised_read", "    mine[t] = 0\n", ""),
    ("race", "    cuda.syncthreads()\n    cuda.atomic", "    cuda.atomic"),
    (
        "forgets_the_old",
        "    cuda.atomic.add(counts, t, mine[t])",
        "    if cuda.blockIdx.x == 0:\n"
        "        counts[t] = 0\n"
        "    cuda.cg.this_grid().sync()\n"
        "    cuda.atomic.add(counts, t, mine[t])",
    ),
)
HINTS = (
    "How many atomics on counts does a block of the starter make?",
    "A shared array of 64 counters: set to zero, wait, count, wait, and "
    "add each counter to counts.",
    "mine[t] = 0; barrier; atomic.add(mine, values[i], 1); barrier; "
    "atomic.add(counts, t, mine[t])",
)
MISTAKES = (
    Mistake(
        "forgets_the_old",
        "What was in counts before is lost: add to it.",
        gives=afresh,
    ),
)
LIMITS = (
    Limit(
        "not_privatised",
        lambda report: report.global_requests <= 20,
        lambda report: (
            f"The result is right, with {report.global_requests} "
            "requests to global memory for 512 values in one block. "
            "Counted in shared memory first, 18 are enough."
        ),
    ),
)
EQUIVALENT = {
    "64 -> 65, line 7": "One element more, which nobody uses.",
}
