"""sobel: how fast a picture's grey changes, and so where its edges are."""

import numpy as np

from gpu_course.exercises.checking.cases import plane_launches
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "The Sobel operator"
TASK = (
    "For each pixel, the change from left to right `across` and from top to "
    "bottom `down`, with section 1's weights 1, 2, 1; `out` is the square "
    "root of the sum of their squares. Beyond the border the picture goes on "
    "with its outermost pixels."
)

STARTER = """\
import math
import numpy as np
from gpu_course import cuda


@cuda.jit
def sobel(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and 0 < column and column < width - 1:
        across = image[row, column + 1] - image[row, column - 1]
        out[row, column] = math.fabs(across)
"""

SOLUTION = """\
import math
import numpy as np
from gpu_course import cuda


@cuda.jit
def sobel(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        up, low = max(row - 1, 0), min(row + 1, height - 1)
        left, right = max(column - 1, 0), min(column + 1, width - 1)
        across = image[up, right] - image[up, left]
        across += np.float32(2) * (image[row, right] - image[row, left])
        across += image[low, right] - image[low, left]
        down = image[low, left] - image[up, left]
        down += np.float32(2) * (image[low, column] - image[up, column])
        down += image[low, right] - image[up, right]
        out[row, column] = math.sqrt(across * across + down * down)
"""


def changes(image, mode="edge", weight=2):
    """Return the weighted changes from left to right and from top down."""
    padded = np.pad(image, 1, mode)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    smooth, step = np.float32([1, weight, 1]), np.float32([-1, 0, 1])
    across = np.einsum("ijrs,r,s->ij", around, smooth, step)
    down = np.einsum("ijrs,r,s->ij", around, step, smooth)
    return across, down


def specification(image, out):
    out[:] = np.hypot(*changes(image))


def arguments(rows, columns, random):
    image = random.integers(0, 256, (rows, columns)).astype(np.float32)
    return image, np.full((rows, columns), -1, np.float32)


def across_only(image, out):
    out[:] = abs(changes(image)[0])


def down_only(image, out):
    out[:] = abs(changes(image)[1])


def equal_weights(image, out):
    out[:] = np.hypot(*changes(image, weight=1))


def squares(image, out):
    across, down = changes(image)
    out[:] = across**2 + down**2


def sum_of_both(image, out):
    across, down = changes(image)
    out[:] = abs(across) + abs(down)


def black_border(image, out):
    out[:] = np.hypot(*changes(image, "constant"))


def border_left_out(image, out):
    out[1:-1, 1:-1] = np.hypot(*changes(image))[1:-1, 1:-1]


def cases():
    return plane_launches(arguments)


TOLERANCE = 1e-5
BOTH = "math.sqrt(across * across + down * down)"
WRONG = (
    ("across_only", BOTH, "abs(across)"),
    ("down_only", BOTH, "abs(down)"),
    (
        "equal_weights",
        "np.float32(2) * (image[row, right] - image[row, left])",
        "image[row, right] - image[row, left]",
        "np.float32(2) * (image[low, column] - image[up, column])",
        "image[low, column] - image[up, column]",
    ),
    ("no_root", BOTH, "across * across + down * down"),
    ("sum_of_both", BOTH, "abs(across) + abs(down)"),
    (
        "border_left_out",
        "if row < height and column < width:",
        "if 0 < row < height - 1 and 0 < column < width - 1:",
    ),
    ("negative_index", "max(row - 1, 0)", "row - 1"),
)
HINTS = (
    "Which rows and columns are next to the pixel, and which of them are "
    "there at the border?",
    "up, low = max(row - 1, 0), min(row + 1, height - 1), and the same for "
    "the columns. Then three differences across, the middle one twice.",
    "down has the same form with rows and columns exchanged; out = "
    "math.sqrt(across * across + down * down)",
)
MISTAKES = (
    Mistake(
        "across_only",
        "That is the change from left to right alone: horizontal edges don't "
        "show.",
        gives=across_only,
    ),
    Mistake(
        "down_only",
        "That is the change from top to bottom alone: vertical edges don't "
        "show.",
        gives=down_only,
    ),
    Mistake(
        "equal_weights",
        "All three differences count once: the middle one counts twice.",
        gives=equal_weights,
    ),
    Mistake(
        "no_root",
        "That is the sum of the squares: the square root is missing.",
        gives=squares,
    ),
    Mistake(
        "sum_of_both",
        "The two changes are added as they are: a slanting edge comes out "
        "stronger than it is. Take the root of the sum of the squares.",
        gives=sum_of_both,
    ),
    Mistake(
        "black_border",
        "Pixels beyond the border count as 0, so the border is an edge: take "
        "the outermost pixel instead.",
        gives=black_border,
    ),
    Mistake(
        "border_left_out",
        "The pixels at the border are not written.",
        gives=border_left_out,
    ),
)
EQUIVALENT = {
    "(up, low) -> (low, up), line 11": (
        "It changes the sign of `down`, or turns the rows of `across` over, "
        "whose weights are symmetric; `down` is squared."
    ),
    "(left, right) -> (right, left), line 12": (
        "It changes the sign of `across`, or turns the columns of `down` "
        "over, whose weights are symmetric; `across` is squared."
    ),
}
