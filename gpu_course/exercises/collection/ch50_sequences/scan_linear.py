"""scan_linear: a linear recurrence as a scan of pairs."""

import numpy as np

from gpu_course.exercises.checking.cases import generator, unwritten
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 1
TITLE = "A linear recurrence without a loop over time"
TASK = (
    "Each block of 64 threads has 64 steps of a recurrence of its own, "
    "which starts from 0: `h[t] = a[t] * h[t - 1] + b[t]`. Write all its "
    "`h` in six rounds. After the round with distance `step`, a thread's "
    "pair must stand for the last `2 * step` steps up to its own."
)

STARTER = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def scan_linear(a, b, h):
    factors = cuda.shared.array(64, float32)
    values = cuda.shared.array(64, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    factors[t] = a[i]
    values[t] = b[i]
    cuda.syncthreads()
    step = 1
    while step < 64:
        factor, value = factors[t], values[t]
        if t >= step:
            value += factor * values[t - step]
        cuda.syncthreads()
        factors[t] = factor
        values[t] = value
        cuda.syncthreads()
        step *= 2
    h[i] = values[t]
"""

SOLUTION = """\
from numba import float32
from gpu_course import cuda


@cuda.jit
def scan_linear(a, b, h):
    factors = cuda.shared.array(64, float32)
    values = cuda.shared.array(64, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    factors[t] = a[i]
    values[t] = b[i]
    cuda.syncthreads()
    step = 1
    while step < 64:
        factor, value = factors[t], values[t]
        if t >= step:
            value += factor * values[t - step]
            factor *= factors[t - step]
        cuda.syncthreads()
        factors[t] = factor
        values[t] = value
        cuda.syncthreads()
        step *= 2
    h[i] = values[t]
"""


def rows(a):
    return a.reshape(-1, 64).astype(np.float64)


def specification(a, b, h):
    a, b, state = rows(a), rows(b), 0
    for t in range(64):
        state = a[:, t] * state + b[:, t]
        h.reshape(-1, 64)[:, t] = state


def scanned(a, b, combine):
    """Return the values after six rounds that combine pairs in some way."""
    a, b = rows(a), rows(b)
    for step in (1, 2, 4, 8, 16, 32):
        new = combine(a[:, :-step], b[:, :-step], a[:, step:], b[:, step:])
        a, b = a.copy(), b.copy()
        a[:, step:], b[:, step:] = new
    return b.ravel()


def old_factors(a, b, h):
    h[:] = scanned(a, b, lambda a1, b1, a2, b2: (a2, a2 * b1 + b2))


def turned(a, b, h):
    h[:] = scanned(a, b, lambda a1, b1, a2, b2: (a1 * a2, a1 * b2 + b1))


def added_factors(a, b, h):
    h[:] = scanned(a, b, lambda a1, b1, a2, b2: (a1 + a2, a2 * b1 + b2))


def plain_sums(a, b, h):
    h[:] = rows(b).cumsum(1).ravel()


def product_first(a, b, h):
    h[:] = scanned(a, b, lambda a1, b1, a2, b2: (a1 * a2, a1 * a2 * b1 + b2))


def cases():
    random, launches = generator(), []
    for n in (1, 2, 3, 300):
        a = random.uniform(-1.1, 1.1, 64 * n).astype(np.float32)
        b = random.normal(size=64 * n).astype(np.float32)
        out = unwritten(64 * n)
        launches.append(Launch(n, 64, (a, b, out), n < 10))
    return launches


TOLERANCE = 1e-5
WRONG = (
    ("old_factors", "            factor *= factors[t - step]\n", ""),
    (
        "turned",
        "value += factor * values[t - step]",
        "value = factors[t - step] * value + values[t - step]",
    ),
    (
        "product_first",
        "            value += factor * values[t - step]\n"
        "            factor *= factors[t - step]\n",
        "            factor *= factors[t - step]\n"
        "            value += factor * values[t - step]\n",
    ),
    ("plain_sums", "value += factor * values", "value += values"),
    (
        "added_factors",
        "factor *= factors[t - step]",
        "factor += factors[t - step]",
    ),
    (
        "race",
        "        cuda.syncthreads()\n        factors[t] = factor\n",
        "        factors[t] = factor\n",
    ),
    ("negative_index", "t >= step", "t >= step - 1"),
)
HINTS = (
    "A pair (a, b) is the function h → a h + b. What is the function of two "
    "steps, one after the other?",
    "(a1, b1) and then (a2, b2) make a2 (a1 h + b1) + b2. So both numbers of "
    "the pair change. Here the neighbour's pair comes first.",
    "After the line for value: factor *= factors[t - step]",
)
MISTAKES = (
    Mistake(
        "old_factors",
        "The values are combined, but each factor stays that of one step. "
        "From the second round on it must be the product of all the steps "
        "that the pair stands for.",
        gives=old_factors,
    ),
    Mistake(
        "turned",
        "The two pairs are combined in the wrong order: the neighbour's "
        "steps come first, so its value is multiplied by this thread's "
        "factor.",
        gives=turned,
    ),
    Mistake(
        "product_first",
        "The factor was multiplied before the value used it: the value needs "
        "the factor of this thread's own steps alone.",
        gives=product_first,
    ),
    Mistake(
        "plain_sums",
        "These are the running sums of b: the factors a have no effect.",
        gives=plain_sums,
    ),
    Mistake(
        "added_factors",
        "The factors are added: a2 (a1 h + b1) + b2 has a1 times a2.",
        gives=added_factors,
    ),
)
EQUIVALENT = {
    "64 -> 65, line 7": "One element more, which nobody uses.",
    "64 -> 65, line 8": "One element more, which nobody uses.",
    "step < 64 -> step <= 64, line 15": "In the additional turn no thread "
    "has a number of 64 or more, so nothing is combined.",
    "64 -> 65, line 15": "In the additional turn no thread has a number of "
    "64 or more, so nothing is combined.",
    "64 -> 63, line 15": "step takes the values 1 to 32 and then 64, so "
    "both end the loop there.",
}
