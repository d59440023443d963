"""attainable_rate: the roofline in one line."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 1
TITLE = "Under the roof"
TASK = (
    "Return the rate in GFLOP/s that a kernel of `intensity` FLOP/byte "
    "reaches at most, on a processor with a `peak` in GFLOP/s and a "
    "`bandwidth` in GB/s."
)

STARTER = """\
def attainable_rate(intensity, peak, bandwidth):
    return peak
"""

SOLUTION = """\
def attainable_rate(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth)
"""


def specification(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth)


CASES = tuple(
    (intensity, peak, bandwidth)
    for peak, bandwidth in ((19_500.0, 1555.0), (110.0, 20.0), (8100.0, 320.0))
    for intensity in (1 / 12, 0.25, 0.0, 1.0, 5.5, 10.0, 25.5, 341.0)
)


TOLERANCE = 1e-9
WRONG = (
    (
        "adds_the_times",
        "min(peak, intensity * bandwidth)",
        "peak * intensity / (intensity + peak / bandwidth)",
    ),
    ("no_peak", "min(peak, intensity * bandwidth)", "intensity * bandwidth"),
    edited(STARTER, "only_peak"),
    ("no_limit", "min(", "max("),
    ("divides", "intensity * bandwidth", "bandwidth / max(intensity, 1e-9)"),
)
HINTS = (
    "In a second, at most how many bytes come in, and how many FLOPs is that?",
    "Two limits hold at once, so the lower one decides.",
    "min(peak, intensity * bandwidth)",
)
MISTAKES = (
    Mistake(
        "only_peak",
        "It doesn't depend on the intensity: left of the "
        "ridge memory is the limit.",
        gives=lambda i, p, b: p,
    ),
    Mistake(
        "adds_the_times",
        "It adds the time of the arithmetic and "
        "that of the bytes: both go on at once, so the longer one "
        "counts.",
        gives=lambda i, p, b: p * i / (i + p / b),
    ),
    Mistake(
        "no_peak",
        "Far to the right this is more than the peak.",
        gives=lambda i, p, b: i * b,
    ),
    Mistake(
        "no_limit",
        "This is the larger of the two limits: both hold, "
        "so the lower one decides.",
        gives=lambda i, p, b: max(p, i * b),
    ),
    Mistake(
        "divides",
        "The more FLOPs there are for a byte, the higher "
        "the rate that a bandwidth allows: multiply.",
        gives=lambda i, p, b: min(p, b / max(i, 1e-9)),
    ),
)
