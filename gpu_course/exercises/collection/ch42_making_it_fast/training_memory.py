"""training_memory: what a training step keeps in memory."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 5
TITLE = "What a step holds"
TASK = (
    "A model has so many `parameters`, and the forward pass keeps so "
    "many numbers for each image, its `activations`. All are float32. "
    "Return the bytes that a step with Adam holds: parameters, "
    "gradients, Adam's two means, and the activations of `batch_size` "
    "images."
)

STARTER = """\
def training_memory(parameters, activations, batch_size):
    return 4 * (parameters + activations * batch_size)
"""

SOLUTION = """\
def training_memory(parameters, activations, batch_size):
    return 4 * (4 * parameters + activations * batch_size)
"""


def held(copies, parameters, activations, batch_size):
    numbers = sum([parameters] * copies) + activations * batch_size
    return numbers << 2


def specification(parameters, activations, batch_size):
    return held(4, parameters, activations, batch_size)


CASES = tuple(
    (parameters, activations, batch)
    for parameters in (1, 44_426, 7_000_000_000)
    for activations in (3, 6_598)
    for batch in (1, 7, 256)
)


WRONG = (
    ("weights_only", "(4 * parameters", "(parameters"),
    ("no_optimizer", "(4 * parameters", "(2 * parameters"),
    ("one_missing", "(4 * parameters", "(3 * parameters"),
    ("numbers", "4 * (4", "(4"),
    (
        "all_for_each_image",
        "(4 * parameters + activations * batch_size)",
        "(4 * parameters + activations) * batch_size",
    ),
)
HINTS = (
    "Which of them grow with the batch, and which don't?",
    "Each parameter comes with its gradient and with two means.",
    "4 bytes × (4 × parameters + batch_size × activations)",
)
MISTAKES = (
    Mistake(
        "weights_only",
        "Those are the parameters and activations. "
        "Training also holds a gradient and Adam's two means for "
        "each parameter.",
        gives=lambda *a: held(1, *a),
    ),
    Mistake(
        "no_optimizer",
        "Adam's two means are missing: one of the "
        "gradients and one of their squares.",
        gives=lambda *a: held(2, *a),
    ),
    Mistake(
        "one_missing",
        "There are four numbers for each parameter: "
        "itself, its gradient and two means. Here are three.",
        gives=lambda *a: held(3, *a),
    ),
    Mistake(
        "numbers",
        "These are numbers. A float32 has 4 bytes.",
        gives=lambda *a: held(4, *a) // 4,
    ),
    Mistake(
        "all_for_each_image",
        "All images of a batch share the parameters.",
        gives=lambda p, a, b: b * held(4, p, a, 1),
    ),
)
