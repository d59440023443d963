"""causal_scores: scores of attention that look backwards only."""

import numpy as np

from gpu_course.exercises.checking.cases import plane_launches, unwritten
from gpu_course.exercises.checking.exercise import Mistake

PLACE = 3
TITLE = "Scores that don't see the future"
TASK = (
    "For queries `q` (N, d) and keys `k` (M, d), write `scores[i, j]`, the "
    "dot product of query i and key j over the root of d. A language model "
    "may not look ahead: where j is greater than i, write `-math.inf`. One "
    "thread has one score, with j along x. There may be more threads than "
    "scores."
)

STARTER = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def causal_scores(q, k, scores):
    j, i = cuda.grid(2)
    if i < scores.shape[0] and j < scores.shape[1]:
        total = float32(0)
        for e in range(q.shape[1]):
            total += q[i, e] * k[j, e]
        scores[i, j] = total / math.sqrt(float32(q.shape[1]))
"""

SOLUTION = """\
import math
from numba import float32
from gpu_course import cuda


@cuda.jit
def causal_scores(q, k, scores):
    j, i = cuda.grid(2)
    if i < scores.shape[0] and j < scores.shape[1]:
        if j > i:
            scores[i, j] = -math.inf
        else:
            total = float32(0)
            for e in range(q.shape[1]):
                total += q[i, e] * k[j, e]
            scores[i, j] = total / math.sqrt(float32(q.shape[1]))
"""


def written(q, k, scores, power=0.5, sees=np.tril, hidden=-np.inf):
    """Write scores, divided by d to a power, and hide what isn't seen."""
    products = q.astype(np.float64) @ k.T.astype(np.float64)
    seen = sees(np.ones(scores.shape, bool))
    scores[:] = np.where(seen, products / q.shape[1] ** power, hidden)


def specification(q, k, scores):
    written(q, k, scores)


def no_mask(q, k, scores):
    written(q, k, scores, sees=lambda ones: ones)


def no_scale(q, k, scores):
    written(q, k, scores, power=0)


def scaled_twice(q, k, scores):
    written(q, k, scores, power=1)


def sees_future(q, k, scores):
    written(q, k, scores, sees=np.triu)


def blind_to_itself(q, k, scores):
    written(q, k, scores, sees=lambda ones: np.tril(ones, -1))


def zeros(q, k, scores):
    written(q, k, scores, hidden=0)


def arguments(rows, columns, random):
    size = columns % 7 + 2
    q = random.normal(size=(rows, size)).astype(np.float32)
    k = random.normal(size=(columns, size)).astype(np.float32)
    return q, k, unwritten((rows, columns))


def cases():
    return plane_launches(arguments)


TOLERANCE = 1e-5
WRONG = (
    ("no_mask", "if j > i:", "if False:"),
    ("no_scale", " / math.sqrt(float32(q.shape[1]))", ""),
    (
        "scaled_twice",
        "math.sqrt(float32(q.shape[1]))",
        "float32(q.shape[1])",
    ),
    ("sees_future", "if j > i:", "if j < i:"),
    ("blind_to_itself", "if j > i:", "if j >= i:"),
    ("zeros", "-math.inf", "float32(0)"),
    ("out_of_bounds", "and j < scores.shape[1]", "and j <= scores.shape[1]"),
)
HINTS = (
    "What must a weight of the softmax be for a key of the future, and which "
    "score has that exponential?",
    "exp(-∞) = 0. Compare j with i before the dot product is computed.",
    "if j > i: scores[i, j] = -math.inf, else what the starter does.",
)
MISTAKES = (
    Mistake(
        "no_mask",
        "Every query sees all keys, those of the future as well: where "
        "j > i the score is -math.inf.",
        gives=no_mask,
    ),
    Mistake(
        "no_scale",
        "The scores aren't divided by the root of d. They grow with d then, "
        "and the softmax of large scores is nearly one-hot.",
        gives=no_scale,
    ),
    Mistake(
        "scaled_twice",
        "The scores are divided by d. A sum of d products of independent "
        "numbers grows with the root of d.",
        gives=scaled_twice,
    ),
    Mistake(
        "sees_future",
        "The mask is the wrong way round: the past is hidden, the future "
        "seen.",
        gives=sees_future,
    ),
    Mistake(
        "blind_to_itself",
        "A query must see its own position too. Without it, the first query "
        "has no key at all.",
        gives=blind_to_itself,
    ),
    Mistake(
        "zeros",
        "A score of 0 doesn't hide a key: exp(0) is 1. The exponential of "
        "-math.inf is 0.",
        gives=zeros,
    ),
)
