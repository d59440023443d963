"""to_channels_last_index: an element's offset with the channels last."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "Channels last"
TASK = (
    "A batch has `shape` (images, channels, height, width). In memory "
    "it lies with the channels last: image by image, row by row, pixel "
    "by pixel, and the channels of a pixel side by side. Return how "
    "many elements come before element `[n, c, h, w]`."
)

STARTER = """\
def to_channels_last_index(n, c, h, w, shape):
    images, channels, height, width = shape
    return ((n * channels + c) * height + h) * width + w
"""

SOLUTION = """\
def to_channels_last_index(n, c, h, w, shape):
    images, channels, height, width = shape
    return ((n * height + h) * width + w) * channels + c
"""


def offset(order, index, shape):
    """Return the offset for this order of axes; the last runs fastest."""
    picked = [[values[axis] for axis in order] for values in (index, shape)]
    return int(np.ravel_multi_index(*picked))


def specification(n, c, h, w, shape):
    return offset((0, 2, 3, 1), (n, c, h, w), shape)


CASES = (
    (0, 0, 0, 0, (1, 1, 1, 1)),
    (0, 1, 0, 0, (1, 2, 1, 3)),
    (1, 2, 3, 1, (2, 3, 4, 2)),
    (2, 0, 1, 3, (3, 2, 3, 5)),
    (1, 4, 0, 6, (2, 6, 5, 7)),
    (3, 15, 7, 2, (4, 16, 8, 8)),
)


WRONG = (
    (
        "channels_first",
        "((n * height + h) * width + w) * channels + c",
        "((n * channels + c) * height + h) * width + w",
    ),
    (
        "column_by_column",
        "((n * height + h) * width + w)",
        "((n * width + w) * height + h)",
    ),
    ("within_the_image", "(n * height + h)", "h"),
    (
        "wrong_result",
        "images, channels, height, width",
        "images, height, width, channels",
    ),
)
HINTS = (
    "Which index changes from one element of the memory to the next?",
    "Start with the slowest: n images of height rows each come first, "
    "then h rows of width pixels.",
    "((n * height + h) * width + w) pixels come before, each with all "
    "its channels; then c more.",
)
MISTAKES = (
    Mistake(
        "channels_first",
        "That is where it lies with the channels first, plane by plane.",
        gives=lambda n, c, h, w, shape: offset(
            (0, 1, 2, 3), (n, c, h, w), shape
        ),
    ),
    Mistake(
        "column_by_column",
        "It goes down the columns. A row's pixels are neighbours.",
        gives=lambda n, c, h, w, shape: offset(
            (0, 3, 2, 1), (n, c, h, w), shape
        ),
    ),
    Mistake(
        "within_the_image",
        "It counts within the image. The images before it come first.",
        gives=lambda n, c, h, w, shape: offset(
            (0, 2, 3, 1), (0, c, h, w), shape
        ),
    ),
)
