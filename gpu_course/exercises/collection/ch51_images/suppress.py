"""suppress: non-maximum suppression, one box for each digit."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "Non-maximum suppression"
TASK = (
    "`overlaps[i, j]` is the intersection over union of boxes i and j. Return "
    "the list of the boxes that stay, the surest first: a box goes if its "
    "overlap with a surer one that stays is more than `limit`. No two scores "
    "are equal."
)

STARTER = """\
def suppress(scores, overlaps, limit):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return order
"""

SOLUTION = """\
def suppress(scores, overlaps, limit):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = []
    for i in order:
        if all(overlaps[i, k] <= limit for k in kept):
            kept.append(i)
    return kept
"""


def in_order(scores):
    return [int(i) for i in np.argsort(-scores, kind="stable")]


def kept_of(order, overlaps, limit):
    left = list(order)
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if not overlaps[best, i] > limit]
    return kept


def specification(scores, overlaps, limit):
    return kept_of(in_order(scores), overlaps, limit)


def all_stay(scores, overlaps, limit):
    return in_order(scores)


def smallest_first(scores, overlaps, limit):
    return kept_of(in_order(-scores), overlaps, limit)


def by_number(scores, overlaps, limit):
    return kept_of(range(len(scores)), overlaps, limit)


def suppressed_suppress(scores, overlaps, limit):
    order = in_order(scores)
    return [
        box
        for place, box in enumerate(order)
        if all(overlaps[box, k] <= limit for k in order[:place])
    ]


def last_only(scores, overlaps, limit):
    kept = []
    for i in in_order(scores):
        if not kept or overlaps[i, kept[-1]] <= limit:
            kept.append(i)
    return kept


def far_ones_go(scores, overlaps, limit):
    kept = []
    for i in in_order(scores):
        if all(overlaps[i, k] > limit for k in kept):
            kept.append(i)
    return kept


def boxes_on_a_line(count, random):
    """Return scores and overlaps of `count` boxes of one row of pixels."""
    left = random.uniform(0, 2 * count**0.5, count)
    end = left + random.uniform(1, 3, count)
    shared = np.minimum(end[:, None], end) - np.maximum(left[:, None], left)
    shared = shared.clip(0)
    size = end - left
    overlaps = shared / (size[:, None] + size - shared)
    return random.permutation(count) / max(count, 1) + 0.01, overlaps


def cases():
    random = np.random.default_rng(51)
    chain = np.array([[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]])
    given = [
        (np.zeros(0), np.zeros((0, 0)), 0.5),
        (np.array([0.3]), np.ones((1, 1)), 0.5),
        (np.array([0.9, 0.8, 0.7]), chain, 0.5),
        (np.array([0.9, 0.8, 0.7]), chain, 0.4),
        (np.array([0.2, 0.8, 0.7]), chain, 0.25),
    ]
    for count in (6, 12, 25):
        for limit in (0.0, 0.3, 0.6):
            given.append((*boxes_on_a_line(count, random), limit))
    return given


WRONG = (
    ("all_stay", "if all(overlaps[i, k] <= limit for k in kept):", "if True:"),
    ("least_sure_first", "-scores[i]", "scores[i]"),
    ("not_sorted", "for i in order:", "for i in range(len(scores)):"),
    (
        "the_gone_suppress",
        "for k in kept",
        "for k in order[: order.index(i)]",
    ),
    ("last_one_only", "for k in kept", "for k in kept[-1:]"),
    ("far_ones_go", "<= limit", "> limit"),
)
HINTS = (
    "The surest box stays. What has the next one to be compared with?",
    "Go through `order` with a list `kept`. A box joins it if it overlaps "
    "none of those in it by more than the limit.",
    "for i in order: if all(overlaps[i, k] <= limit for k in kept): "
    "kept.append(i)",
)
MISTAKES = (
    Mistake(
        "all_stay",
        "All boxes are there in order, and none is suppressed.",
        gives=all_stay,
    ),
    Mistake(
        "least_sure_first",
        "It begins with the least sure box, which then suppresses better "
        "ones.",
        gives=smallest_first,
    ),
    Mistake(
        "not_sorted",
        "It takes the boxes as they are numbered: the surest comes first.",
        gives=by_number,
    ),
    Mistake(
        "the_gone_suppress",
        "A box that is gone itself still suppresses others: compare with "
        "those that stay.",
        gives=suppressed_suppress,
    ),
    Mistake(
        "last_one_only",
        "It compares with the last box that stayed. An earlier one may "
        "overlap, too.",
        gives=last_only,
    ),
    Mistake(
        "far_ones_go",
        "It keeps the boxes that overlap and drops those that don't.",
        gives=far_ones_go,
    ),
)
EQUIVALENT = {
    "overlaps[i, k] -> overlaps[k, i], line 5": (
        "The overlap of two boxes doesn't depend on their order."
    ),
}
