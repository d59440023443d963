"""threshold: make a grey picture black and white."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 3
TITLE = "Black and white"
TASK = (
    "Write 255 into `out` where a pixel is at least `limit`, else 0. "
    "Each thread has one pixel."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def threshold(pixels, limit, out):
    i = cuda.grid(1)
    if i < pixels.size:
        out[i] = pixels[i]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def threshold(pixels, limit, out):
    i = cuda.grid(1)
    if i < pixels.size:
        out[i] = 255 if pixels[i] >= limit else 0
"""


def specification(pixels, limit, out):
    out[:] = np.where(pixels >= limit, 255, 0)


def arguments(n, random):
    """Return pixels of few values, so that many equal the limit."""
    limit = int(random.choice([100, 129, 200]))
    near = np.array([0, 127, 128, 255, limit - 1, limit, limit + 1])
    pixels = random.choice(near, n).astype(np.uint8)
    return pixels, limit, np.full(n, 7, np.uint8)


def strictly_above(pixels, limit, out):
    out[:] = np.where(pixels > limit, 255, 0)


def with_128(pixels, limit, out):
    out[:] = np.where(pixels >= 128, 255, 0)


def the_other_way(pixels, limit, out):
    out[:] = np.where(pixels >= limit, 0, 255)


def only_white(pixels, limit, out):
    out[pixels >= limit] = 255


def only_black(pixels, limit, out):
    out[pixels < limit] = 0


def cases():
    return line_launches(arguments)


WRONG = (
    ("strictly_above", ">= limit", "> limit"),
    ("copies_the_constant", ">= limit", ">= 128"),
    (
        "inverted",
        "255 if pixels[i] >= limit else 0",
        "0 if pixels[i] >= limit else 255",
    ),
    (
        "no_black",
        "out[i] = 255 if pixels[i] >= limit else 0",
        "if pixels[i] >= limit:\n            out[i] = 255",
    ),
    (
        "no_white",
        "out[i] = 255 if pixels[i] >= limit else 0",
        "if pixels[i] < limit:\n            out[i] = 0",
    ),
    ("missing_guard", "if i < pixels.size:", "if True:"),
)
HINTS = (
    "What do you write for a pixel of 130, if limit is 129?",
    "Python has an expression for either of two values: a if test else b.",
    "out[i] = 255 if pixels[i] >= limit else 0",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "strictly_above",
        "A pixel that equals the limit belongs to the white ones.",
        gives=strictly_above,
    ),
    Mistake(
        "copies_the_constant",
        "The limit is always 128 here, and the argument isn't used.",
        gives=with_128,
    ),
    Mistake(
        "no_black",
        "Only the white pixels are written: a pixel below "
        "the limit becomes 0.",
        gives=only_white,
    ),
    Mistake(
        "no_white",
        "Only the black pixels are written: a pixel of at "
        "least the limit becomes 255.",
        gives=only_black,
    ),
    Mistake(
        "inverted",
        "Black and white are the wrong way round.",
        gives=the_other_way,
    ),
)
