"""blur: the mean of each pixel and its neighbours."""

import numpy as np

from gpu_course.exercises.checking.cases import plane_launches
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 6
TITLE = "Blur a picture"
TASK = (
    "Each pixel of `out` is the mean of the 3×3 pixels around it in "
    "`image`. At the border only those count that are there: 4 at a "
    "corner, 6 at an edge."
)

STARTER = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def blur(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if 0 < row < height - 1 and 0 < column < width - 1:
        total = np.float32(0)
        for r in range(row - 1, row + 2):
            for c in range(column - 1, column + 2):
                total += image[r, c]
        out[row, column] = total / np.float32(9)
"""

SOLUTION = """\
import numpy as np
from gpu_course import cuda


@cuda.jit
def blur(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        total = np.float32(0)
        count = 0
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                total += image[r, c]
                count += 1
        out[row, column] = total / np.float32(count)
"""


def sums(image):
    """Return sum and count of the pixels around each, including itself."""
    around = np.lib.stride_tricks.sliding_window_view
    total = around(np.pad(image, 1), (3, 3)).sum((2, 3))
    count = around(np.pad(np.ones_like(image), 1), (3, 3)).sum((2, 3))
    return total, count


def specification(image, out):
    total, count = sums(image)
    out[:] = total / count


def arguments(rows, columns, random):
    image = random.integers(0, 256, (rows, columns)).astype(np.float32)
    return image, np.full((rows, columns), -1, np.float32)


def by_nine(image, out):
    out[:] = sums(image)[0] / 9


def two_by_two(image, out):
    padded = np.pad(image, ((1, 0), (1, 0)))
    ones = np.pad(np.ones_like(image), ((1, 0), (1, 0)))
    around = np.lib.stride_tricks.sliding_window_view
    out[:] = around(padded, (2, 2)).sum((2, 3)) / around(ones, (2, 2)).sum(
        (2, 3)
    )


def cases():
    return plane_launches(arguments)


TOLERANCE = 1e-6
WRONG = (
    ("divides_by_nine", "np.float32(count)", "np.float32(9)"),
    (
        "two_by_two",
        "min(row + 2, height)",
        "row + 1",
        "min(column + 2, width)",
        "column + 1",
    ),
    ("negative_index", "max(row - 1, 0)", "row - 1"),
    ("out_of_bounds", "min(column + 2, width)", "column + 2"),
)
HINTS = (
    "Which neighbours has the pixel in the corner?",
    "Let the loops begin and end inside the picture, and count.",
    "for r in range(max(row - 1, 0), min(row + 2, height)): and the same "
    "for c; divide by the number of pixels that you added.",
)
MISTAKES = (
    Mistake(
        "divides_by_nine",
        "At the border there are fewer than nine "
        "pixels, and the sum is divided by nine all the same.",
        gives=by_nine,
    ),
    Mistake(
        "two_by_two",
        "range leaves out its end: only the pixel "
        "itself and those above and left of it are added.",
        gives=two_by_two,
    ),
)
