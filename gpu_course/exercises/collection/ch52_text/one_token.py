"""one_token: a linear layer for one token, a warp for each row."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import coalesced

PLACE = 3
TITLE = "A linear layer for one token"
TASK = (
    "Write the product of the matrix `w` and the vector `x` into `out`. Each "
    "row has a warp: blocks of 32×4 threads, so `lane, row = cuda.grid(2)`. "
    "Let the lanes read neighbouring weights, and add up what they have with "
    "shuffles. Rows have any length."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def one_token(w, x, out):
    lane, row = cuda.grid(2)
    if row < out.size and lane == 0:
        total = float32(0)
        for k in range(x.size):
            total += w[row, k] * x[k]
        out[row] = total
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def one_token(w, x, out):
    lane, row = cuda.grid(2)
    if row < out.size:
        total = float32(0)
        for k in range(lane, x.size, 32):
            total += w[row, k] * x[k]
        step = 16
        while step > 0:
            total += cuda.shfl_down_sync(0xFFFFFFFF, total, step)
            step //= 2
        if lane == 0:
            out[row] = total
"""


def specification(w, x, out):
    out[:] = (w * x).sum(1)


def one_lane(w, x, out):
    out[:] = (w[:, ::32] * x[::32]).sum(1)


def half_the_lanes(w, x, out):
    chosen = np.arange(x.size) % 32 < 16
    out[:] = (w * x)[:, chosen].sum(1)


def whole_32s(w, x, out):
    end = x.size // 32 * 32
    out[:] = (w[:, :end] * x[:end]).sum(1)


def cases():
    random, launches = generator(), []
    shapes = (1, 1), (2, 5), (3, 32), (5, 33), (4, 97), (6, 100), (8, 256)
    for rows, columns in (*shapes, (1003, 515)):
        w = random.normal(size=(rows, columns)).astype(np.float32)
        x = random.normal(size=columns).astype(np.float32)
        grid = 1, blocks_for(rows, 4)
        arguments = w, x, unwritten(rows)
        launches.append(Launch(grid, (32, 4), arguments, rows < 1000))
    return launches


TOLERANCE = 1e-5
WRONG = (
    ("one_lane", "step = 16", "step = 0"),
    ("half_the_lanes", "step = 16", "step = 8"),
    (
        "whole_32s",
        "range(lane, x.size, 32)",
        "range(lane, x.size - x.size % 32, 32)",
    ),
    (
        "uncoalesced",
        "for k in range(lane, x.size, 32):\n",
        "n = (x.size + 31) // 32\n"
        "        for k in range(lane * n, min((lane + 1) * n, x.size)):\n",
    ),
    (
        "race",
        "        if lane == 0:\n            out",
        "        if True:\n            out",
    ),
    ("out_of_bounds", "if row < out.size:", "if row <= out.size:"),
)
HINTS = (
    "One lane loads 4 bytes of each sector of 32. Who could use the others?",
    "Lane k takes the columns k, k + 32, k + 64, … Then fold the warp as in "
    "chapter 12: shuffles down by 16, 8, 4, 2, 1.",
    "for k in range(lane, x.size, 32): total += …; then "
    "total += cuda.shfl_down_sync(0xFFFFFFFF, total, step) for each step; "
    "lane 0 writes.",
)
MISTAKES = (
    Mistake(
        "one_lane",
        "Only lane 0's columns are in the result: the others' sums are not "
        "collected.",
        gives=one_lane,
    ),
    Mistake(
        "half_the_lanes",
        "The sums of lanes 16 to 31 are missing: the first shuffle goes down "
        "by 16.",
        gives=half_the_lanes,
    ),
    Mistake(
        "whole_32s",
        "The columns after the last full 32 are missing.",
        gives=whole_32s,
    ),
)
LIMITS = (coalesced(0.9),)
