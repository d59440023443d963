"""hit_rate: how often the hidden item is among the first k."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 3
TITLE = "Among the first k"
TASK = (
    "Each row of `scores` belongs to a visitor. `history` (bool, the same "
    "shape) says which items the visitor is known to have visited: they are "
    "not recommended again. `hidden` has an item for each visitor that is "
    "not in the history. Its rank is 1 if no other item has a higher or "
    "equal score; each higher one adds 1, each equal one 0.5. Return the "
    "share of visitors whose hidden item has the rank `k` or a better one."
)

STARTER = """\
import numpy as np


def hit_rate(scores, history, hidden, k):
    own = scores[np.arange(len(hidden)), hidden][:, None]
    higher = (scores > own).sum(axis=1)
    return np.mean(higher < k)
"""

SOLUTION = """\
import numpy as np


def hit_rate(scores, history, hidden, k):
    own = scores[np.arange(len(hidden)), hidden][:, None]
    higher = ((scores > own) & ~history).sum(axis=1)
    equal = ((scores == own) & ~history).sum(axis=1) - 1
    return np.mean(1 + higher + equal / 2 <= k)
"""


def share(
    scores, history, hidden, k, start=1, of_equal=0.5, of_itself=0, all=False
):
    """Return the share, counted visitor by visitor."""
    hits = 0
    for score, known, item in zip(scores, history, hidden, strict=True):
        rank = start + of_itself
        for other in range(len(score)):
            if other == item or (known[other] and not all):
                continue
            if score[other] > score[item]:
                rank += 1
            elif score[other] == score[item]:
                rank += of_equal
        hits += rank <= k
    return hits / len(hidden)


def specification(scores, history, hidden, k):
    return share(scores, history, hidden, k)


def made(visitors, items, levels, random):
    scores = random.integers(0, levels, (visitors, items)).astype(float)
    hidden = random.integers(0, items, visitors)
    history = random.random((visitors, items)) < 0.3
    scores[history] += levels / 2  # what is known scores high
    history[np.arange(visitors), hidden] = False
    return scores, history, hidden


def cases():
    random = generator()
    shapes = ((1, 2, 1, 1), (9, 6, 3, 2), (40, 12, 99, 3), (60, 30, 8, 10))
    return tuple(
        (*made(visitors, items, levels, random), k)
        for visitors, items, levels, k in shapes
    )


TOLERANCE = 1e-9
WRONG = (
    edited(STARTER, "as_it_stands"),
    (
        "seen_not_excluded",
        "(scores > own) & ~history",
        "scores > own",
        "(scores == own) & ~history",
        "scores == own",
    ),
    ("from_zero", "np.mean(1 + higher", "np.mean(higher"),
    ("best_of_equals", " + equal / 2", ""),
    ("worst_of_equals", "equal / 2", "equal"),
    ("rank_k_left_out", ".sum(axis=1) - 1", ".sum(axis=1)"),
)
HINTS = (
    "A row of equal scores recommends nothing. What does your function say "
    "of it? And where do the items stand that are known already?",
    "Count only items outside the history. Equal ones count half, without "
    "the hidden item itself.",
    "1 + higher + equal / 2 <= k, with & ~history in both counts and - 1 "
    "for the hidden item in the second.",
)
MISTAKES = (
    Mistake(
        "as_it_stands",
        "The items in the history are ranked too, and equal scores count as "
        "won.",
        gives=lambda *a: share(*a, of_equal=0, all=True),
    ),
    Mistake(
        "seen_not_excluded",
        "The items in the history are ranked too. They score high, and push "
        "the hidden one down.",
        gives=lambda *a: share(*a, all=True),
    ),
    Mistake(
        "from_zero",
        "The best rank is 0 here, so k + 1 items count as the first k.",
        gives=lambda *a: share(*a, start=0),
    ),
    Mistake(
        "best_of_equals",
        "Equal scores count as won: whoever gives all items the same score "
        "has a hit rate of 1.",
        gives=lambda *a: share(*a, of_equal=0),
    ),
    Mistake(
        "worst_of_equals",
        "Equal scores count as lost: each adds 0.5 to the rank, not 1.",
        gives=lambda *a: share(*a, of_equal=1),
    ),
    Mistake(
        "rank_k_left_out",
        "An item of exactly the rank k is missed. Either the comparison is <, "
        "or the hidden item counts as equal to itself.",
        gives=lambda *a: share(*a, of_itself=0.5),
    ),
)
