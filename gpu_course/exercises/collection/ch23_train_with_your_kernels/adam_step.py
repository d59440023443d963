"""adam_step: a step of Adam, one thread per parameter."""

import numpy as np

from gpu_course.exercises.checking.cases import line_launches
from gpu_course.exercises.checking.exercise import Mistake, edited
from gpu_course.exercises.checking.mistakes import (
    GUARD_OFF_BY_ONE,
    MISSING_GUARD,
)

PLACE = 2
TITLE = "A step of Adam"
TASK = (
    "Do a step of Adam in place, one thread a parameter. `mean` is $m$ "
    "and `square` is $s$. The host passes `share1` $= 1-\\beta_1$, "
    "`share2` $= 1-\\beta_2$, `start1` $= 1-\\beta_1^t$ and `start2` "
    "$= 1-\\beta_2^t$. There may be more threads than parameters."
)

SIGNATURE = """\
import math
from gpu_course import cuda


@cuda.jit
def adam_step(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    i = cuda.grid(1)
    if i < theta.size:
"""

STARTER = f"""\
{SIGNATURE}\
        mean[i] += share1 * (g[i] - mean[i])
        theta[i] -= rate * mean[i]
"""

SOLUTION = f"""\
{SIGNATURE}\
        mean[i] += share1 * (g[i] - mean[i])
        square[i] += share2 * (g[i] * g[i] - square[i])
        root = math.sqrt(square[i] / start2)
        theta[i] -= rate * (mean[i] / start1) / (root + epsilon)
"""


def means(g, mean, square, share1, share2):
    mean[:] = mean + share1 * (g - mean)
    square[:] = square + share2 * (g * g - square)


def specification(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    means(g, mean, square, share1, share2)
    root = np.sqrt(square / start2)
    theta[:] = theta - rate * (mean / start1) / (root + epsilon)


def not_corrected(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    means(g, mean, square, share1, share2)
    theta[:] = theta - rate * mean / (np.sqrt(square) + epsilon)


def epsilon_inside(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    means(g, mean, square, share1, share2)
    root = np.sqrt(square / start2 + epsilon)
    theta[:] = theta - rate * (mean / start1) / root


def swapped(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    means(g, mean, square, share2, share1)
    root = np.sqrt(square / start2)
    theta[:] = theta - rate * (mean / start1) / (root + epsilon)


def no_root(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    means(g, mean, square, share1, share2)
    theta[:] = theta - rate * (mean / start1) / (square / start2 + epsilon)


def without_square(
    theta, g, mean, square, share1, share2, start1, start2, rate, epsilon
):
    mean[:] = mean + share1 * (g - mean)
    theta[:] = theta - rate * mean


def arguments(n, random):
    theta, g, mean = random.normal(size=(3, n)).astype(np.float32)
    square = random.uniform(0.1, 2, n).astype(np.float32)
    # β₁ = 3/4, β₂ = 15/16, t = 3; rate and ε large enough to show.
    constants = 0.25, 0.0625, 1 - 0.75**3, 1 - 0.9375**3, 0.5, 0.03
    return theta, g, mean, square, *map(np.float32, constants)


def cases():
    return line_launches(arguments)


TOLERANCE = 2e-6
WRONG = (
    ("not_corrected", " / start2", "", "(mean[i] / start1)", "mean[i]"),
    (
        "epsilon_inside",
        "/ start2)",
        "/ start2 + epsilon)",
        "(root + epsilon)",
        "root",
    ),
    (
        "swapped",
        "share1 * (",
        "share2 * (",
        "share2 * (g[i] * ",
        "share1 * (g[i] * ",
    ),
    ("no_root", "math.sqrt(square[i] / start2)", "square[i] / start2"),
    edited(STARTER, "without_square"),
    ("missing_guard", "if i < theta.size:", "if True:"),
    ("wrong_result", "g[i] * g[i]", "g[i]"),
    (
        "work_not_shared",
        "    i = cuda.grid(1)\n    if i < theta.size:\n",
        "    n = theta.size\n"
        "    for i in range(n if cuda.grid(1) == 0 else 0):\n",
    ),
)
HINTS = (
    "Which of the two means is of g, and which of g²? Both are renewed "
    "before the parameter moves.",
    "mean[i] / start1 over the root of square[i] / start2; epsilon is "
    "added to the root.",
    "theta[i] -= rate * (mean[i] / start1) / "
    "(math.sqrt(square[i] / start2) + epsilon)",
)
MISTAKES = (
    MISSING_GUARD,
    GUARD_OFF_BY_ONE,
    Mistake(
        "not_corrected",
        "The means are used as they are. They began "
        "at 0 and are too small at first: divide them by start1 and "
        "start2.",
        gives=not_corrected,
    ),
    Mistake(
        "epsilon_inside",
        "Epsilon is under the root. There it is "
        "no longer small: add it to the root.",
        gives=epsilon_inside,
    ),
    Mistake(
        "swapped",
        "The two shares are swapped: share1 is the mean's, "
        "share2 the square's.",
        gives=swapped,
    ),
    Mistake(
        "without_square",
        "It moves by the mean of g alone: the mean "
        "of g² is neither renewed nor used, and nothing is "
        "corrected.",
        gives=without_square,
    ),
    Mistake(
        "no_root",
        "The step is divided by the mean square itself: take its root.",
        gives=no_root,
    ),
)
