"""loss_scale: scale the loss so that gradients fit into float16."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 3
TITLE = "The loss scale"
TASK = (
    "`gradients` are float32, and not all are zero. Return two numbers: "
    "the largest power of two with which none of them becomes larger in "
    "size than 65504, float16's largest number; and how many that "
    "aren't zero become zero in float16 even with that factor: those "
    "of which at most 2⁻²⁵, half of its smallest number, is left."
)

STARTER = """\
import numpy as np


def loss_scale(gradients):
    scale = 1.0
    small = np.abs(scale * gradients) <= 2.0**-25
    return scale, np.count_nonzero(small & (gradients != 0))
"""

SOLUTION = """\
import numpy as np


def loss_scale(gradients):
    largest = np.abs(gradients).max()
    scale = 2.0 ** np.floor(np.log2(65504 / largest))
    small = np.abs(scale * gradients) <= 2.0**-25
    return scale, np.count_nonzero(small & (gradients != 0))
"""


def fits(largest):
    """Return the scale by search: from 1, up or down by factors of two."""
    scale = 1.0
    while scale * largest <= 65504:
        scale *= 2
    while scale * largest > 65504:
        scale /= 2
    return scale


def lost(gradients, scale):
    # 2**-25 is half the smallest number, 2**-24; it rounds to even: 0.
    return sum(0 < abs(g) * scale <= 2.0**-25 for g in gradients.tolist())


def specification(gradients):
    scale = fits(max(map(abs, gradients.tolist())))
    return scale, lost(gradients, scale)


def one_more(gradients):
    scale = 2 * specification(gradients)[0]
    return scale, lost(gradients, scale)


def zeros_too(gradients):
    scale, count = specification(gradients)
    return scale, count + gradients.tolist().count(0.0)


def unscaled_count(gradients):
    return specification(gradients)[0], lost(gradients, 1)


def positive_only(gradients):
    scale = fits(max(gradients.tolist()))
    return scale, lost(gradients, scale)


def cases():
    random = generator()
    spread = random.normal(size=200) * 2.0 ** random.integers(-40, -3, 200)
    spread[:30] = 0
    spread[30] = -2 * np.abs(spread).max()
    rows = (
        [1.0],
        [-3.0, 0.5, 0.0],
        [65504.0, 1e-9, 2.0**-25, 1.5 * 2.0**-25],
        [65504.5, 2.0**-24, 0.0, 1.0],
        [-1e6, 1.0, 1e-6, 2.0**-20],
        [-3e-6, 1e-6, 1e-13, 1e-14, 1e-15, 0.0],
        spread,
    )
    return [(np.array(row, np.float32),) for row in rows]


WRONG = (
    (
        "overflows",
        "np.floor(np.log2(65504 / largest))",
        "(np.floor(np.log2(65504 / largest)) + 1)",
    ),
    ("zeros_too", "small & (gradients != 0)", "small"),
    ("unscaled_count", "np.abs(scale * gradients)", "np.abs(gradients)"),
    ("positive_only", "np.abs(gradients).max()", "gradients.max()"),
    ("wrong_result", "np.log2(65504 / largest)", "np.log(65504 / largest)"),
)
HINTS = (
    "Which gradient is in danger of overflow, and how often may it be "
    "doubled?",
    "65504 / largest is the largest factor there may be. Its logarithm "
    "to base 2, rounded down, is the exponent of the power of two.",
    "scale = 2.0 ** np.floor(np.log2(65504 / np.abs(gradients).max()))",
)
MISTAKES = (
    Mistake(
        "no_scale",
        "The scale is always 1. How often may the largest one be doubled?",
        gives=lambda g: (1.0, lost(g, 1)),
    ),
    Mistake(
        "overflows",
        "That is one doubling too many: the largest one becomes infinite.",
        gives=one_more,
    ),
    Mistake(
        "zeros_too",
        "The scale is right. It also counts gradients that were zero before.",
        gives=zeros_too,
    ),
    Mistake(
        "unscaled_count",
        "The scale is right. It counts those that are lost without it.",
        gives=unscaled_count,
    ),
    Mistake(
        "positive_only",
        "A negative gradient overflows as well: the largest in size counts.",
        gives=positive_only,
    ),
)
