"""peak_tflops: a chip's peak rate from its data sheet."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "The peak of a data sheet"
TASK = (
    "A chip has `sms` multiprocessors with `lanes` lanes each, and each "
    "lane finishes a fused multiply-add in every cycle of `clock_mhz` "
    "MHz. Return the peak in TFLOP/s. A fused multiply-add is two FLOPs."
)

STARTER = """\
def peak_tflops(sms, lanes, clock_mhz):
    return sms * lanes * clock_mhz
"""

SOLUTION = """\
def peak_tflops(sms, lanes, clock_mhz):
    return sms * lanes * 2 * clock_mhz / 1e6
"""


def specification(sms, lanes, clock_mhz):
    return sms * lanes * 2 * clock_mhz / 1e6


CASES = (
    (1, 1, 1),
    (108, 64, 1410),
    (132, 128, 1980),
    (16, 8, 1350),
    (80, 64, 1530),
    (3, 7, 999),
    (8, 16, 2500),
)


TOLERANCE = 1e-9
WRONG = (
    ("one_flop", " * 2", ""),
    ("wrong_unit", " / 1e6", " / 1e12"),
    ("hard_coded_size", "lanes * 2", "64 * 2"),
)
HINTS = (
    "How many FLOPs does one lane do in one second?",
    "MHz is a million cycles a second, and tera is 10¹².",
    "sms * lanes * 2 * clock_mhz / 1e6",
)
MISTAKES = (
    Mistake(
        "one_flop",
        "A fused multiply-add counts as two FLOPs.",
        gives=lambda s, n, c: s * n * c / 1e6,
    ),
    Mistake(
        "wrong_unit",
        "The clock is in MHz: a million cycles a second.",
        gives=lambda s, n, c: s * n * 2 * c / 1e12,
    ),
    Mistake(
        "no_unit",
        "This counts multiply-adds in millions a second. "
        "A multiply-add is two FLOPs, and tera is 10¹².",
        gives=lambda s, n, c: s * n * c,
    ),
    Mistake(
        "hard_coded_size",
        "It takes 64 lanes for every chip.",
        gives=lambda s, n, c: s * 64 * 2 * c / 1e6,
    ),
)
