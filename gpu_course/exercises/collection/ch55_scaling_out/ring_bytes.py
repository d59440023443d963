"""ring_bytes: what a process sends in a ring all-reduce."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 2
TITLE = "What goes through a wire"
TASK = (
    "`processes` processes add up their gradients, `size` bytes in each, by "
    "the ring of section 2. `size` can be divided by `processes`. Return the "
    "bytes that each process sends."
)

STARTER = """\
def ring_bytes(size, processes):
    return 2 * size
"""

SOLUTION = """\
def ring_bytes(size, processes):
    return 2 * (processes - 1) * size // processes
"""


def specification(size, processes):
    piece = size // processes
    reduce_scatter = sum(piece for _ in range(1, processes))
    all_gather = sum(piece for _ in range(1, processes))
    return reduce_scatter + all_gather


def one_lap(size, processes):
    return specification(size, processes) // 2


def one_step_more(size, processes):
    return 2 * size


def whole_arrays(size, processes):
    return 2 * (processes - 1) * size


def to_everyone(size, processes):
    return (processes - 1) * size


CASES = (
    (8, 1),
    (8, 2),
    (12, 3),
    (64, 4),
    (1200, 8),
    (177_600, 2),
    (9_000, 1_000),
)


WRONG = (
    ("one_lap", "2 * (processes", "(processes"),
    ("one_step_more", "(processes - 1)", "processes"),
    ("whole_arrays", " // processes", ""),
    (
        "to_everyone",
        "2 * (processes - 1) * size // processes",
        "(processes - 1) * size",
    ),
)
HINTS = (
    "In one step a process sends one piece. How large is it, and how many "
    "steps are there?",
    "A piece has size / processes bytes. The first lap has processes - 1 "
    "steps, the second as many.",
    "2 * (processes - 1) pieces of size // processes bytes.",
)
MISTAKES = (
    Mistake(
        "one_lap",
        "That is one lap. After the reduce-scatter each process has the sum "
        "of one piece only; the second lap hands the sums round.",
        gives=one_lap,
    ),
    Mistake(
        "one_step_more",
        "Nearly, and right for many processes. But a lap has one step less "
        "than there are processes: alone, a process sends nothing.",
        gives=one_step_more,
    ),
    Mistake(
        "whole_arrays",
        "So much do all processes send together; one of them would have to "
        "send whole arrays for it. In each step it sends one piece.",
        gives=whole_arrays,
    ),
    Mistake(
        "to_everyone",
        "So much is sent if each process sends its array to every other. The "
        "ring sends pieces to one neighbour.",
        gives=to_everyone,
    ),
)
