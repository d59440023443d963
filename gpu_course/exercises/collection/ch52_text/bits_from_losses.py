"""bits_from_losses: bits per character from the losses of batches."""

import math

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "Bits per character"
TASK = (
    "A text was read in batches. `losses` are the mean cross-entropies of the "
    "batches in nats, `characters` says how many characters each batch has. "
    "Return the bits per character of the whole text."
)

STARTER = """\
import math


def bits_from_losses(losses, characters):
    return sum(losses) / len(losses)
"""

SOLUTION = """\
import math


def bits_from_losses(losses, characters):
    nats = sum(n * loss for n, loss in zip(characters, losses))
    return nats / sum(characters) / math.log(2)
"""


def weighted(losses, characters):
    pairs = zip(losses, characters, strict=True)
    return math.fsum(loss * n for loss, n in pairs) / math.fsum(characters)


def specification(losses, characters):
    return weighted(losses, characters) * math.log2(math.e)


def unweighted(losses, characters):
    return specification(losses, [1] * len(losses))


def unweighted_nats(losses, characters):
    return weighted(losses, [1] * len(losses))


def times_ln_2(losses, characters):
    return weighted(losses, characters) * math.log(2)


def perplexity(losses, characters):
    return math.exp(weighted(losses, characters))


def whole_text(losses, characters):
    return specification(losses, characters) * sum(characters)


CASES = (
    ([1.5], [64]),
    ([2.0, 1.0], [64, 64]),
    ([2.0, 1.0], [64, 7]),
    ([1.25, 3.5, 0.5], [1000, 1, 3]),
    ([1.7, 1.6, 1.9, 2.4], [16, 16, 16, 5]),
)
TOLERANCE = 1e-11
WRONG = (
    (
        "unweighted",
        "n * loss for",
        "loss for",
        "sum(characters)",
        "len(losses)",
    ),
    (
        "unweighted_nats",
        "n * loss for",
        "loss for",
        "sum(characters) / math.log(2)",
        "len(losses)",
    ),
    ("nats", " / math.log(2)", ""),
    ("times_ln_2", "/ math.log(2)", "* math.log(2)"),
    ("whole_text", " / sum(characters)", ""),
    (
        "perplexity",
        "return nats / sum(characters) / math.log(2)",
        "return math.exp(nats / sum(characters))",
    ),
)
HINTS = (
    "How many characters does the last batch of a text have?",
    "A batch counts as often as it has characters. One bit is ln 2 nats.",
    "sum of characters × loss, over the sum of characters, over math.log(2)",
)
MISTAKES = (
    Mistake(
        "unweighted_nats",
        "That is the mean of the batches, in nats. A batch of 7 characters "
        "counts as much as one of 64 here, and a bit is ln 2 nats.",
        gives=unweighted_nats,
    ),
    Mistake(
        "unweighted",
        "A batch of 7 characters counts as much as one of 64 here: weigh "
        "each by its characters.",
        gives=unweighted,
    ),
    Mistake(
        "nats",
        "These are nats. One bit is ln 2 = 0.693 nats.",
        gives=weighted,
    ),
    Mistake(
        "times_ln_2",
        "Divide by ln 2: a bit is less than a nat, so there are more bits.",
        gives=times_ln_2,
    ),
    Mistake(
        "whole_text",
        "Those are the bits of the whole text: divide by its characters.",
        gives=whole_text,
    ),
    Mistake(
        "perplexity",
        "That is the perplexity: the number of equally likely characters. "
        "Bits are its logarithm to the base 2.",
        gives=perplexity,
    ),
)
EQUIVALENT = {
    "(n, loss) -> (loss, n), line 5": "The two are only multiplied with each "
    "other, and n * loss is loss * n.",
}
