"""ridge_batch: the batch from which memory no longer limits a layer."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 2
TITLE = "A batch that is large enough"
TASK = (
    "A linear layer multiplies `n` images of `inputs` numbers by a weight "
    "matrix: 2 · n · inputs · outputs FLOPs. In float32 it reads images "
    "and weights and writes n · outputs numbers, each once. Return the "
    "smallest n for which its intensity is at least `ridge` FLOP/byte."
)

STARTER = """\
def ridge_batch(inputs, outputs, ridge):
    return 1
"""

SOLUTION = """\
def ridge_batch(inputs, outputs, ridge):
    n = 1
    while True:
        flops = 2 * n * inputs * outputs
        elements = n * inputs + inputs * outputs + n * outputs
        if flops >= ridge * 4 * elements:
            return n
        n += 1
"""


def first(inputs, outputs, ridge, itemsize=4, per_term=2):
    """Return the smallest n that is limited by arithmetic."""
    for n in range(1, 10_000):
        flops = per_term * n * inputs * outputs
        elements = n * (inputs + outputs) + inputs * outputs
        if flops >= ridge * itemsize * elements:
            return n
    raise ValueError(f"no batch reaches {ridge} FLOP/byte")


def specification(inputs, outputs, ridge):
    return first(inputs, outputs, ridge)


CASES = (
    (256, 120, 5.5),
    (120, 84, 5.5),
    (84, 84, 5.5),
    (256, 256, 12.0),
    (1024, 512, 12.5),
    (64, 64, 0.25),
    (512, 2048, 64.0),
    (300, 100, 18.0),
    (64, 128, 10.0),
    (96, 96, 11.5),
    (16, 48, 1.5),
)


def only_weights(inputs, outputs, ridge):
    n = 1
    while 2 * n < 4 * ridge:
        n += 1
    return n


WRONG = (
    ("counts_elements", "ridge * 4 * elements", "ridge * elements"),
    ("one_flop_a_term", "2 * n * inputs * outputs", "n * inputs * outputs"),
    (
        "only_weights",
        "n * inputs + inputs * outputs + n * outputs",
        "inputs * outputs",
    ),
    edited(STARTER, "one_image"),
    ("wrong_result", "        n += 1", "        n *= 2"),
)
HINTS = (
    "Which of the three arrays doesn't grow with n?",
    "Count FLOPs and bytes for n = 1, 2, 3, … until FLOPs reach ridge "
    "times bytes. A float32 has 4 bytes.",
    "flops = 2 * n * inputs * outputs; bytes = 4 * (n * inputs + inputs "
    "* outputs + n * outputs); stop at flops >= ridge * bytes.",
)
MISTAKES = (
    Mistake(
        "one_image",
        "It is always 1. With one image each weight is read for one product.",
        gives=lambda i, o, r: 1,
    ),
    Mistake(
        "counts_elements",
        "It counts elements for bytes: a float32 has four.",
        gives=lambda *a: first(*a, itemsize=1),
    ),
    Mistake(
        "one_flop_a_term",
        "A multiplication and an addition are two FLOPs.",
        gives=lambda *a: first(*a, per_term=1),
    ),
    Mistake(
        "only_weights",
        "Only the weights are counted: the images "
        "and the results move as well.",
        gives=only_weights,
    ),
)
EQUIVALENT = {
    "1 -> 0, line 2": "No images are no FLOPs, and less than ridge times "
    "the bytes of the weights: the loop goes on to 1.",
}
