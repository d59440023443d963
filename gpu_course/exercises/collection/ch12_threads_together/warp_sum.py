"""warp_sum: a sum with shuffles and no shared memory."""

import numpy as np

from gpu_course.exercises.checking.cases import blocks_for, generator
from gpu_course.exercises.checking.exercise import Launch, Limit, Mistake

PLACE = 3
TITLE = "A sum without memory"
TASK = (
    "Write the sum of each warp's 32 elements of `x` into `sums`, which "
    "has an element for each warp. Use shuffles: no shared memory and no "
    "barrier."
)

STARTER = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def warp_sum(x, sums):
    i = cuda.grid(1)
    value = x[i] if i < x.size else int32(0)
    value += cuda.shfl_down_sync(0xFFFFFFFF, value, 16)
    if cuda.laneid == 0:
        sums[i // 32] = value
"""

SOLUTION = """\
from numba import int32
from gpu_course import cuda


@cuda.jit
def warp_sum(x, sums):
    i = cuda.grid(1)
    value = x[i] if i < x.size else int32(0)
    step = 16
    while step > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, step)
        step //= 2
    if cuda.laneid == 0:
        sums[i // 32] = value
"""


def specification(x, sums):
    for warp in range(sums.size):
        sums[warp] = x[32 * warp : 32 * (warp + 1)].sum()


def two_lanes(x, sums):
    for warp in range(sums.size):
        sums[warp] = x[32 * warp : 32 * (warp + 1)][::16].sum()


def even_lanes(x, sums):
    for warp in range(sums.size):
        sums[warp] = x[32 * warp : 32 * (warp + 1)][::2].sum()


def cases():
    random = generator()
    return [
        Launch(
            blocks_for(n, 64),
            64,
            (
                random.integers(-999, 999, n).astype(np.int32),
                np.full(2 * blocks_for(n, 64), 77, np.int32),
            ),
            n < 1000,
        )
        for n in (1, 0, 2, 31, 32, 33, 64, 97, 128, 20_011)
    ]


WRONG = (
    ("every_second_lane", "step > 0", "step > 1"),
    ("wrong_result", "shfl_down_sync", "shfl_up_sync"),
    ("out_of_bounds", "x[i] if i < x.size else int32(0)", "x[i]"),
    (
        "uses_shared_memory",
        "    value = x[i] if i < x.size else int32(0)\n",
        "    held = cuda.shared.array(64, int32)\n"
        "    held[cuda.threadIdx.x] = x[i] if i < x.size else "
        "int32(0)\n"
        "    value = held[cuda.threadIdx.x]\n",
    ),
)
HINTS = (
    "After one shuffle by 16, what does lane 0 hold?",
    "Shuffle by 16, 8, 4, 2 and 1, and add each time.",
    "while step > 0: value += cuda.shfl_down_sync(0xFFFFFFFF, value, "
    "step); step //= 2",
)
MISTAKES = (
    Mistake(
        "one_step_only",
        "Lane 0 holds its own element and that of lane 16, and no others.",
        gives=two_lanes,
    ),
    Mistake(
        "every_second_lane",
        "The last step, by one lane, is "
        "missing: every second element is left out.",
        gives=even_lanes,
    ),
)
LIMITS = (
    Limit(
        "uses_shared_memory",
        lambda report: report.shared_requests + report.barriers == 0,
        lambda report: (
            f"The result is right, with {report.shared_requests} "
            f"requests to shared memory and {report.barriers} barriers. "
            "A shuffle needs none."
        ),
    ),
)
