"""median_3x3: the middle one of nine pixels."""

import numpy as np

from gpu_course.exercises.checking.cases import plane_launches
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "The median of nine"
TASK = (
    "Each pixel of `out` is the median of the 3×3 pixels around it. Beyond "
    "the border the picture goes on with its outermost pixels."
)

STARTER = """\
import numpy as np
from numba import float32
from gpu_course import cuda


@cuda.jit
def median_3x3(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        nine = cuda.local.array(9, float32)
        count = 0
        for r in range(row - 1, row + 2):
            for c in range(column - 1, column + 2):
                inside = min(max(r, 0), height - 1), min(max(c, 0), width - 1)
                nine[count] = image[inside]
                count += 1
        out[row, column] = nine[4]
"""

SOLUTION = """\
import numpy as np
from numba import float32
from gpu_course import cuda


@cuda.jit
def median_3x3(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        nine = cuda.local.array(9, float32)
        count = 0
        for r in range(row - 1, row + 2):
            for c in range(column - 1, column + 2):
                inside = min(max(r, 0), height - 1), min(max(c, 0), width - 1)
                value = image[inside]
                place = count
                while place > 0 and nine[place - 1] > value:
                    nine[place] = nine[place - 1]
                    place -= 1
                nine[place] = value
                count += 1
        out[row, column] = nine[4]
"""


def sorted_nine(image, mode="edge"):
    """Return each pixel's neighbours in order, (rows, columns, 9)."""
    padded = np.pad(image, 1, mode)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.sort(around.reshape(*image.shape, 9), axis=2)


def specification(image, out):
    out[:] = sorted_nine(image)[..., 4]


def arguments(rows, columns, random):
    image = random.integers(0, 256, (rows, columns)).astype(np.float32)
    return image, np.full((rows, columns), -1, np.float32)


def unsorted(image, out):
    out[:] = image


def mean(image, out):
    out[:] = sorted_nine(image).mean(2)


def largest(image, out):
    out[:] = sorted_nine(image)[..., 8]


def smallest(image, out):
    out[:] = sorted_nine(image)[..., 0]


def black_border(image, out):
    out[:] = sorted_nine(image, "constant")[..., 4]


def cases():
    return plane_launches(arguments)


WRONG = (
    (
        "unsorted",
        "nine[place - 1] > value",
        "nine[place - 1] != nine[place - 1]",
    ),
    ("largest", "nine[4]", "nine[8]"),
    ("smallest", "nine[4]", "nine[0]"),
    (
        "black_border",
        "image[inside]",
        "image[inside] if 0 <= r < height and 0 <= c < width else float32(0)",
    ),
    ("negative_index", "min(max(r, 0), height - 1)", "min(r, height - 1)"),
)
HINTS = (
    "The middle one of nine numbers is found when they stand in order. Where "
    "do they belong as they come in?",
    "Keep `nine` in order: move those that are larger than the new one up by "
    "one place, and put it into the gap.",
    "place = count; while place > 0 and nine[place - 1] > value: nine[place] "
    "= nine[place - 1]; place -= 1. Then nine[place] = value.",
)
MISTAKES = (
    Mistake(
        "unsorted",
        "The nine pixels stand as they lie in the picture, so the fifth is "
        "the pixel itself: they have to be put in order.",
        gives=unsorted,
    ),
    Mistake(
        "mean",
        "That is the mean of the nine. The median is the fifth in order.",
        gives=mean,
    ),
    Mistake(
        "largest",
        "That is the largest of the nine: in order, the fifth is the middle.",
        gives=largest,
    ),
    Mistake(
        "smallest",
        "That is the smallest of the nine: in order, the fifth is the middle.",
        gives=smallest,
    ),
    Mistake(
        "black_border",
        "Pixels beyond the border count as 0: take the outermost pixel "
        "instead.",
        gives=black_border,
    ),
)
EQUIVALENT = {
    "9 -> 10, line 11": "There is a tenth place, which nobody uses.",
    "nine[place - 1] > value -> nine[place - 1] >= value, line 18": (
        "Of two equal numbers either may stand first: the values in order "
        "are the same."
    ),
    "nine[place - 1] > value -> nine[place - 1] <= value, line 18": (
        "It puts the largest first, and the fifth of nine is the middle one "
        "from either end."
    ),
}
