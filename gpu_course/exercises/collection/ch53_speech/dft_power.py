"""dft_power: the power of each frequency, one thread for each."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake
from gpu_course.exercises.checking.limits import NO_FLOAT64

PLACE = 3
TITLE = "The power of each frequency"
TASK = (
    "For the frequency `k`, add up `x[n]` times the cosine of 2π k n / N "
    "over all N samples, and `x[n]` times the sine. The power is the sum of "
    "the two squares. One thread for each frequency; there may be more "
    "threads. Compute in float32; `TURN` is 2π."
)

STARTER = """\
import math
from numba import float32
from gpu_course import cuda

TURN = float32(2 * math.pi)


@cuda.jit
def dft_power(x, power):
    k = cuda.grid(1)
    if k < power.size:
        real, imaginary = float32(0), float32(0)
        for n in range(x.size):
            angle = float32(k * n) / float32(x.size)
            real += x[n] * math.cos(angle)
            imaginary += x[n] * math.sin(angle)
        power[k] = real * real + imaginary * imaginary
"""

SOLUTION = """\
import math
from numba import float32
from gpu_course import cuda

TURN = float32(2 * math.pi)


@cuda.jit
def dft_power(x, power):
    k = cuda.grid(1)
    if k < power.size:
        step = TURN / float32(x.size)
        real, imaginary = float32(0), float32(0)
        for n in range(x.size):
            angle = step * float32(k * n)
            real += x[n] * math.cos(angle)
            imaginary += x[n] * math.sin(angle)
        power[k] = real * real + imaginary * imaginary
"""


def sums(x, power, turn=2 * np.pi, fewer=0):
    """Return the two sums for each frequency; `turn` is a whole turn."""
    n = np.arange(x.size)
    angles = turn * np.outer(np.arange(power.size), n) / (x.size - fewer)
    return np.cos(angles) @ x, np.sin(angles) @ x


def write_power(x, power, **how):
    real, imaginary = sums(x, power, **how)
    power[:] = real**2 + imaginary**2


def specification(x, power):
    power[:] = np.abs(np.fft.fft(x.astype(np.float64))[: power.size]) ** 2


def magnitude(x, power):
    power[:] = np.hypot(*sums(x, power))


def cosines_only(x, power):
    power[:] = sums(x, power)[0] ** 2


def last_sample_lost(x, power):
    real, imaginary = sums(np.append(x[:-1], np.float32(0)), power)
    power[:] = real**2 + imaginary**2


def cases():
    random, launches = generator(), []
    for size in (2, 3, 8, 31, 64, 100, 300):
        x = random.normal(size=size).astype(np.float32)
        out = unwritten(size // 2 + 1)
        grid = blocks_for(out.size, 32)
        launches.append(Launch(grid, 32, (x, out), size < 300))
    return launches


TOLERANCE = 3e-4
WRONG = (
    ("without_two_pi", "TURN / float32", "float32(1) / float32"),
    ("half_turn", "TURN = float32(2 * math.pi)", "TURN = float32(math.pi)"),
    ("one_fewer", "/ float32(x.size)", "/ float32(x.size - 1)"),
    (
        "magnitude",
        "real * real + imaginary * imaginary",
        "math.sqrt(real * real + imaginary * imaginary)",
    ),
    (
        "cosines_only",
        "real * real + imaginary * imaginary",
        "real * real",
    ),
    ("last_sample_lost", "in range(x.size)", "in range(x.size - 1)"),
    ("float64", "= TURN /", "= 2 * math.pi /"),
    ("out_of_bounds", "if k < power.size:", "if True:"),
)
HINTS = (
    "How far does the angle go while n runs through all samples, for k = 1?",
    "Frequency k makes k whole turns of 2π, which is TURN in float32.",
    "step = TURN / float32(x.size), and the angle is step * float32(k * n).",
)
MISTAKES = (
    Mistake(
        "without_two_pi",
        "The angle lacks the factor 2π: frequency 1 has to make a whole turn.",
        gives=lambda x, power: write_power(x, power, turn=1),
    ),
    Mistake(
        "half_turn",
        "A whole turn is 2π, and here it is π.",
        gives=lambda x, power: write_power(x, power, turn=np.pi),
    ),
    Mistake(
        "one_fewer",
        "It divides by N - 1. The turn ends where the next frame would "
        "begin, after N samples.",
        gives=lambda x, power: write_power(x, power, fewer=1),
    ),
    Mistake(
        "magnitude",
        "That is the magnitude, the root of the power.",
        gives=magnitude,
    ),
    Mistake(
        "cosines_only",
        "Only the cosines count. A wave that is zero where the frame begins "
        "is in the sines.",
        gives=cosines_only,
    ),
    Mistake(
        "last_sample_lost",
        "The last sample isn't added.",
        gives=last_sample_lost,
    ),
)
LIMITS = (NO_FLOAT64,)
EQUIVALENT = {
    "(real, imaginary) -> (imaginary, real), line 13": "Both start with the "
    "same number, 0.",
    "real += x[n] * math.cos(angle): other operator, line 16": "The sum of "
    "the cosines has the other sign, and its square is the same.",
    "imaginary += x[n] * math.sin(angle): other operator, line 17": "The sum "
    "of the sines has the other sign, as with the other sign of the exponent, "
    "and its square is the same.",
}
