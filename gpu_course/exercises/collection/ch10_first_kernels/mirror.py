"""mirror: mirror a picture left to right, one thread per pixel."""

import numpy as np

from gpu_course.exercises.checking.cases import plane_launches
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 5
TITLE = "A mirror"
TASK = (
    "Write the mirror image of `image` into `out`: left and right are "
    "exchanged. The grid has two axes, x along the columns and y along "
    "the rows, and may be larger than the picture on both."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def mirror(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if column < width:
        out[row, column] = image[row, column]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def mirror(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        out[row, column] = image[row, width - 1 - column]
"""


def specification(image, out):
    out[:] = image[:, ::-1]


def arguments(rows, columns, random):
    image = random.permutation(rows * columns).reshape(rows, columns)
    return image.astype(np.int32), np.full((rows, columns), -1, np.int32)


def upside_down(image, out):
    out[:] = image[::-1]


def unchanged(image, out):
    out[:] = image


def turned(image, out):
    out[:] = image[::-1, ::-1]


def cases():
    return plane_launches(arguments)


WRONG = (
    (
        "wrong_axis",
        "image[row, width - 1 - column]",
        "image[height - 1 - row, column]",
    ),
    ("not_all_written", "column, row", "row, column"),
    ("out_of_bounds", "row < height and ", ""),
    ("negative_index", "width - 1 - column", "width - 2 - column"),
    ("unchanged", "width - 1 - column", "column"),
)
HINTS = (
    "Which column of a picture of 28 comes first in its mirror image?",
    "Column 0 of out is column width - 1 of image; and rows can run out "
    "as well as columns.",
    "if row < height and column < width: out[row, column] = "
    "image[row, width - 1 - column]",
)
MISTAKES = (
    Mistake(
        "wrong_axis",
        "Top and bottom are exchanged, not left and right.",
        gives=upside_down,
    ),
    Mistake(
        "wrong_axis", "Top and bottom are exchanged as well.", gives=turned
    ),
    Mistake("unchanged", "out is the picture as it was.", gives=unchanged),
)
