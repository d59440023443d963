"""zero_memory: what a GPU holds when the copies divide their state."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "Divided among the copies"
TASK = (
    "Mixed-precision Adam keeps for each parameter 2 bytes of weight, 2 of "
    "gradient and 12 of the optimizer. Of `gpus` data-parallel GPUs each has "
    "a copy. From stage 1 on they divide the optimizer's bytes among "
    "themselves, from stage 2 on the gradients, too, at stage 3 the weights, "
    "too; at stage 0 nothing. Return the bytes on one GPU."
)

STARTER = """\
def zero_memory(parameters, gpus, stage):
    return 16 * parameters / gpus
"""

SOLUTION = """\
def zero_memory(parameters, gpus, stage):
    weight = 2 / (gpus if stage >= 3 else 1)
    gradient = 2 / (gpus if stage >= 2 else 1)
    optimizer = 12 / (gpus if stage >= 1 else 1)
    return parameters * (weight + gradient + optimizer)
"""

FIRST = ((12, 1), (2, 2), (2, 3))  # bytes, and the first stage that divides


def held(parameters, gpus, stage, table=FIRST):
    total = 0.0
    for bytes_each, first in table:
        total += parameters * bytes_each / (gpus if stage >= first else 1)
    return total


def specification(parameters, gpus, stage):
    return held(parameters, gpus, stage)


def always_all(parameters, gpus, stage):
    return 16 * parameters / gpus


def never(parameters, gpus, stage):
    return 16.0 * parameters


def weights_first(parameters, gpus, stage):
    return held(parameters, gpus, stage, ((2, 1), (2, 2), (12, 3)))


def a_stage_late(parameters, gpus, stage):
    return held(parameters, gpus, stage - 1)


def two_means_only(parameters, gpus, stage):
    return held(parameters, gpus, stage, ((8, 1), (2, 2), (2, 3)))


def of_all_gpus(parameters, gpus, stage):
    return gpus * held(parameters, gpus, stage)


CASES = tuple(
    (parameters, gpus, stage)
    for parameters, gpus in (
        (1, 1),
        (10, 2),
        (44_426, 4),
        (7_500_000_000, 64),
    )
    for stage in (0, 1, 2, 3)
)


TOLERANCE = 1e-9
WRONG = (
    (
        "always_all",
        "weight = 2 / (gpus if stage >= 3 else 1)",
        "weight = 2 / gpus",
        "gradient = 2 / (gpus if stage >= 2 else 1)",
        "gradient = 2 / gpus",
        "optimizer = 12 / (gpus if stage >= 1 else 1)",
        "optimizer = 12 / gpus",
    ),
    ("never", "weight + gradient + optimizer", "16"),
    (
        "weights_first",
        "weight = 2 ",
        "weight = 12 ",
        "optimizer = 12 ",
        "optimizer = 2 ",
    ),
    ("a_stage_late", ">= 3", "> 3", ">= 2", "> 2", ">= 1", "> 1"),
    ("two_means_only", "optimizer = 12", "optimizer = 8"),
    ("of_all_gpus", "return parameters", "return gpus * parameters"),
)
HINTS = (
    "What does each of the three parts take, whole and divided?",
    "At stage 1: 2 + 2 + 12 / gpus bytes for each parameter.",
    "Each of 2, 2 and 12 is divided by gpus if stage >= 3, 2 and 1, and else "
    "by 1. Multiply their sum by the parameters.",
)
MISTAKES = (
    Mistake(
        "always_all",
        "That is stage 3, whatever the stage. Below it, some parts are whole "
        "on each GPU.",
        gives=always_all,
    ),
    Mistake(
        "never",
        "That is a whole copy, stage 0: nothing is divided.",
        gives=never,
    ),
    Mistake(
        "weights_first",
        "The order is the other way round: the optimizer's 12 bytes are "
        "divided first, since they are the most and are needed only once in "
        "a step.",
        gives=weights_first,
    ),
    Mistake(
        "a_stage_late",
        "Each part is divided one stage too late: stage 1 already divides "
        "the optimizer's bytes.",
        gives=a_stage_late,
    ),
    Mistake(
        "two_means_only",
        "The optimizer has 12 bytes: Adam's two means and the weight in 32 "
        "bits, which the 16-bit weight is made from.",
        gives=two_means_only,
    ),
    Mistake(
        "of_all_gpus",
        "That is what all GPUs hold together. How much does one hold?",
        gives=of_all_gpus,
    ),
)
