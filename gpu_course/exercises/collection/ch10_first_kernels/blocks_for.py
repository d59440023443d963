"""blocks_for: how many blocks cover n elements."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "How many blocks?"
TASK = (
    "Return the smallest number of blocks of `threads` threads that "
    "covers `n` elements. A launch needs at least one block, even for no "
    "elements at all."
)

STARTER = """\
import math


def blocks_for(n, threads):
    return n // threads
"""

SOLUTION = """\
import math


def blocks_for(n, threads):
    return max(1, math.ceil(n / threads))
"""


def specification(n, threads):
    return max(1, -(-n // threads))


CASES = tuple(
    (n, threads)
    for threads in (32, 96, 128, 1024)
    for n in (1, 0, 2, threads - 1, threads, threads + 1, 5 * threads, 60_001)
)


WRONG = (
    ("one_too_many", "math.ceil(n / threads)", "n // threads + 1"),
    ("hard_coded_size", "n / threads", "n / 128"),
    ("no_block", "max(1, math.ceil(n / threads))", "math.ceil(n / threads)"),
    ("not_an_integer", "return max", "return 1.0 * max"),
    ("rounds_down", "math.ceil(n / threads)", "n // threads"),
)
HINTS = (
    "How many blocks do 129 elements need, with 128 threads each?",
    "Round up instead of down, and then look at n = 0.",
    "max(1, math.ceil(n / threads))",
)
MISTAKES = (
    Mistake(
        "rounds_down",
        "It rounds down: the last elements are left over.",
        gives=lambda n, threads: max(1, n // threads),
    ),
    Mistake(
        "rounds_down",
        "It rounds down: the last elements are left "
        "over, and fewer than a block get none.",
        gives=lambda n, threads: n // threads,
    ),
    Mistake(
        "one_too_many",
        "Where n is a multiple of threads there is a "
        "block too many: all its threads find nothing to do.",
        gives=lambda n, threads: n // threads + 1,
    ),
    Mistake(
        "hard_coded_size",
        "It doesn't use the number of threads "
        "that it is given, but always 128.",
        gives=lambda n, threads: max(1, -(-n // 128)),
    ),
    Mistake(
        "no_block",
        "For no elements it returns 0, and a grid has at least one block.",
        gives=lambda n, threads: -(-n // threads),
    ),
)
