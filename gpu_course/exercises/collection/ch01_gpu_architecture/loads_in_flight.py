"""loads_in_flight: Little's law for memory."""

import math

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "How many loads at a time?"
TASK = (
    "A load takes `latency_ns` nanoseconds and brings `bytes_each` "
    "bytes. Return how many loads must be under way at any time so that "
    "`bandwidth_gb_s` GB/s arrive, rounded up. (A GB/s is a byte each "
    "nanosecond.)"
)

STARTER = """\
import math


def loads_in_flight(latency_ns, bandwidth_gb_s, bytes_each):
    return math.ceil(bandwidth_gb_s / bytes_each)
"""

SOLUTION = """\
import math


def loads_in_flight(latency_ns, bandwidth_gb_s, bytes_each):
    return math.ceil(latency_ns * bandwidth_gb_s / bytes_each)
"""


def specification(latency_ns, bandwidth_gb_s, bytes_each):
    return -(-latency_ns * bandwidth_gb_s // bytes_each)


CASES = tuple(
    (latency, bandwidth, each)
    for latency in (1, 80, 333)
    for bandwidth in (1, 20, 1555, 3350)
    for each in (4, 32, 128)
)


WRONG = (
    ("rounds_down", "math.ceil(", "int("),
    ("hard_coded_size", "/ bytes_each", "/ 32"),
    ("bytes_not_loads", " / bytes_each", ""),
)
HINTS = (
    "How many bytes arrive while one load is under way?",
    "In latency_ns nanoseconds latency_ns times bandwidth_gb_s bytes "
    "must arrive.",
    "math.ceil(latency_ns * bandwidth_gb_s / bytes_each)",
)
MISTAKES = (
    Mistake(
        "rounds_down",
        "One load too few where it doesn't divide.",
        gives=lambda t, b, n: t * b // n,
    ),
    Mistake(
        "hard_coded_size",
        "It takes every load for 32 bytes.",
        gives=lambda t, b, n: math.ceil(t * b / 32),
    ),
    Mistake(
        "bytes_not_loads",
        "These are the bytes. Each load brings several.",
        gives=lambda t, b, n: t * b,
    ),
    Mistake(
        "no_latency",
        "It doesn't depend on the latency: these are "
        "the loads that arrive in one nanosecond.",
        gives=lambda t, b, n: math.ceil(b / n),
    ),
)
