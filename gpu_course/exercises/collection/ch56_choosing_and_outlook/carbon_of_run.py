"""carbon_of_run: kilograms of CO₂ equivalents of a run."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 3
TITLE = "The carbon of a run"
TASK = (
    "`gpus` GPUs draw `watts` each, for `hours`, in a data centre with the "
    "power usage effectiveness `pue`. Its grid emits `g_co2_kwh` grams of CO₂ "
    "equivalents for each kilowatt-hour. Return the kilograms of the run."
)

STARTER = """\
def carbon_of_run(gpus, watts, hours, pue, g_co2_kwh):
    return gpus * watts * hours * g_co2_kwh
"""

SOLUTION = """\
def carbon_of_run(gpus, watts, hours, pue, g_co2_kwh):
    kwh = gpus * watts * hours / 1000 * pue
    return kwh * g_co2_kwh / 1000
"""


def specification(gpus, watts, hours, pue, g_co2_kwh):
    return gpus * watts * hours * pue * g_co2_kwh * 1e-6


def scaled(factor):
    """Return the specification times a factor of its arguments."""
    return lambda *a: specification(*a) * factor(*a)


CASES = (
    (1, 1000.0, 1.0, 1.0, 1000.0),
    (8, 400.0, 1.5, 1.25, 56.0),
    (1, 450.0, 504.0, 1.0, 381.0),
    (3, 72.0, 10.0, 1.54, 713.0),
    (16_384, 700.0, 1882.0, 1.1, 400.0),
)
TOLERANCE = 1e-12


WRONG = (
    edited(STARTER, "milligrams"),
    ("thousand", " / 1000 * pue", " * pue"),
    (
        "million",
        "/ 1000 * pue\n    return kwh * g_co2_kwh / 1000",
        "* pue\n    return kwh * g_co2_kwh",
    ),
    ("no_pue", " * pue", ""),
    ("pue_divides", "* pue", "/ pue"),
    ("one_gpu", "gpus * watts", "watts"),
    ("no_hours", " * hours", ""),
)
HINTS = (
    "First the energy: watts × hours are watt-hours.",
    "The data centre draws `pue` times what its computers draw. Then mind "
    "two prefixes: W to kW, and g to kg.",
    "gpus * watts * hours / 1000 * pue kilowatt-hours, times g_co2_kwh / 1000",
)
MISTAKES = (
    Mistake(
        "milligrams",
        "These are milligrams, and `pue` is missing.",
        gives=scaled(lambda n, w, h, p, g: 1e6 / p),
    ),
    Mistake(
        "thousand",
        "It is 1,000 times too much: watts to kilowatts or grams to "
        "kilograms is missing.",
        gives=scaled(lambda n, w, h, p, g: 1e3),
    ),
    Mistake(
        "million",
        "It is a million times too much: both watts to kilowatts and grams "
        "to kilograms are missing.",
        gives=scaled(lambda n, w, h, p, g: 1e6),
    ),
    Mistake(
        "no_pue",
        "That is what the GPUs draw. The building draws `pue` times as much.",
        gives=scaled(lambda n, w, h, p, g: 1 / p),
    ),
    Mistake(
        "pue_divides",
        "`pue` is at least 1, and the building draws more than the GPUs.",
        gives=scaled(lambda n, w, h, p, g: p**-2),
    ),
    Mistake(
        "one_gpu",
        "That is the carbon of one of the GPUs.",
        gives=scaled(lambda n, w, h, p, g: 1 / n),
    ),
    Mistake(
        "no_hours",
        "Energy is power × time. The time is missing.",
        gives=scaled(lambda n, w, h, p, g: 1 / h),
    ),
)
