"""shard_of: which images of a batch a process gets."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "My share of the batch"
TASK = (
    "A batch has `count` images, numbered from 0. `processes` processes "
    "divide it into pieces of neighbours, in the order of their ranks. If it "
    "can't be divided evenly, the first ranks get one image more than the "
    "last ones. Return the list of the numbers that process `rank` gets."
)

STARTER = """\
def shard_of(count, rank, processes):
    size = count // processes
    return list(range(rank * size, (rank + 1) * size))
"""

SOLUTION = """\
def shard_of(count, rank, processes):
    size, more = divmod(count, processes)
    start = rank * size + min(rank, more)
    return list(range(start, start + size + (rank < more)))
"""


def specification(count, rank, processes):
    return np.array_split(np.arange(count), processes)[rank].tolist()


def without_rest(count, rank, processes):
    size = count // processes
    return list(range(rank * size, (rank + 1) * size))


def every_nth(count, rank, processes):
    return list(range(rank, count, processes))


def rounded_up(count, rank, processes):
    size = -(-count // processes)
    return list(range(rank * size, min((rank + 1) * size, count)))


def rest_to_the_last(count, rank, processes):
    size = count // processes
    end = count if rank == processes - 1 else (rank + 1) * size
    return list(range(rank * size, end))


def starts_too_early(count, rank, processes):
    size, more = divmod(count, processes)
    start = rank * size
    return list(range(start, start + size + (rank < more)))


CASES = tuple(
    (count, rank, processes)
    for count, processes in ((1, 1), (6, 3), (10, 4), (3, 5), (17, 3), (64, 7))
    for rank in range(processes)
)


WRONG = (
    (
        "without_rest",
        "start = rank * size + min(rank, more)",
        "start = rank * size",
        "start + size + (rank < more)",
        "start + size",
    ),
    (
        "every_nth",
        "list(range(start, start + size + (rank < more)))",
        "list(range(rank, count, processes))",
    ),
    (
        "rounded_up",
        "size, more = divmod(count, processes)",
        "size, more = -(-count // processes), 0",
        "start + size + (rank < more)",
        "min(start + size, count)",
    ),
    (
        "rest_to_the_last",
        "start = rank * size + min(rank, more)",
        "start = rank * size",
        "start + size + (rank < more)",
        "count if rank == processes - 1 else start + size",
    ),
    (
        "starts_too_early",
        "start = rank * size + min(rank, more)",
        "start = rank * size",
    ),
)
HINTS = (
    "10 images for 4 processes: 3, 3, 2, 2. How many come before rank 2?",
    "divmod(count, processes) gives the size and how many ranks get one more. "
    "Before a rank there are rank pieces, min(rank, more) of them longer.",
    "start = rank * size + min(rank, more), and the piece has size images, "
    "one more if rank < more.",
)
MISTAKES = (
    Mistake(
        "without_rest",
        "The images that are left over after an even division go to nobody: "
        "of 10 images for 4 processes, 2 are never trained on.",
        gives=without_rest,
    ),
    Mistake(
        "every_nth",
        "Nothing is lost and the pieces have the right sizes, but they aren't "
        "neighbours: the task asks for one run of numbers for each rank.",
        gives=every_nth,
    ),
    Mistake(
        "rounded_up",
        "Every process gets the rounded-up size while there are images. The "
        "last ones get few or none: of 3 for 5 it is fine, of 10 for 4 the "
        "last gets 1 in place of 2.",
        gives=rounded_up,
    ),
    Mistake(
        "rest_to_the_last",
        "The last process gets all that is left over, and the others wait for "
        "it. Give one image more to each of the first ranks.",
        gives=rest_to_the_last,
    ),
    Mistake(
        "starts_too_early",
        "The pieces have the right lengths but overlap: the longer pieces "
        "before this one shift its start.",
        gives=starts_too_early,
    ),
)
