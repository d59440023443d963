"""training_cost: what a training run costs to rent."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 2
TITLE = "The rent of a run"
TASK = (
    "A training run of `flops` FLOPs is shared by `gpus` GPUs, without loss. "
    "Each has a peak of `tflops` TFLOP/s, of which the run reaches the share "
    "`utilisation`, and costs `usd_hour` dollars an hour. Return the dollars "
    "of the whole run."
)

STARTER = """\
def training_cost(flops, tflops, utilisation, gpus, usd_hour):
    hours = flops / (gpus * tflops * 1e12) / 3600
    return hours * usd_hour
"""

SOLUTION = """\
def training_cost(flops, tflops, utilisation, gpus, usd_hour):
    hours = flops / (gpus * utilisation * tflops * 1e12) / 3600
    return hours * gpus * usd_hour
"""


def specification(flops, tflops, utilisation, gpus, usd_hour):
    gpu_seconds = flops / 1e12 / tflops / utilisation
    return gpu_seconds / 3600 * usd_hour


def scaled(factor):
    """Return the specification times a factor of its arguments."""
    return lambda *a: specification(*a) * factor(*a)


CASES = (
    (3.6e15, 1.0, 1.0, 1, 1.0),
    (7.44e18, 312.0, 0.4, 8, 1.39),
    (3.6e15, 2.0, 0.5, 3, 2.0),
    (1.2e20, 989.0, 0.35, 1, 2.69),
    (3.8e25, 989.0, 0.41, 16_384, 2.5),
)
TOLERANCE = 1e-12


WRONG = (
    edited(STARTER, "two_things"),
    ("peak_reached", "utilisation * ", ""),
    ("one_paid", "gpus * usd_hour", "usd_hour"),
    ("not_shared", "(gpus * utilisation", "(utilisation"),
    ("seconds", " / 3600", ""),
    (
        "multiplied",
        "(gpus * utilisation * tflops * 1e12)",
        "(gpus * tflops * 1e12) * utilisation",
    ),
    ("gigaflops", "1e12", "1e9"),
)
HINTS = (
    "How many FLOPs do all GPUs together finish in a second?",
    "The run reaches only a share of the peak; and every GPU is paid for "
    "every hour.",
    "hours = flops / (gpus * utilisation * tflops * 1e12) / 3600, then "
    "hours * gpus * usd_hour",
)
MISTAKES = (
    Mistake(
        "two_things",
        "The run doesn't reach the peak, and each of the GPUs has to be paid.",
        gives=scaled(lambda f, t, u, n, d: u / n),
    ),
    Mistake(
        "peak_reached",
        "That would be the cost at the full peak. The run reaches only the "
        "share `utilisation` of it.",
        gives=scaled(lambda f, t, u, n, d: u),
    ),
    Mistake(
        "multiplied",
        "A low utilisation must make the run longer, not shorter.",
        gives=scaled(lambda f, t, u, n, d: u**2),
    ),
    Mistake(
        "one_paid",
        "Each of the GPUs has to be paid for these hours, not one.",
        gives=scaled(lambda f, t, u, n, d: 1 / n),
    ),
    Mistake(
        "not_shared",
        "These are the hours of one GPU alone, paid for all of them. They "
        "share the work.",
        gives=scaled(lambda f, t, u, n, d: n),
    ),
    Mistake(
        "seconds",
        "The price is for an hour. The time here is in seconds.",
        gives=scaled(lambda f, t, u, n, d: 3600),
    ),
    Mistake(
        "gigaflops",
        "A TFLOP/s is 1e12 FLOPs a second.",
        gives=scaled(lambda f, t, u, n, d: 1000),
    ),
)
