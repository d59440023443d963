"""overlapped_time: hide copies behind computation."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "Copy and compute at the same time"
TASK = (
    "Copying the data to the device takes `copy_s` seconds, computing "
    "on it `compute_s`. Both are divided into `chunks` equal parts. "
    "Copies follow one another, and so do computations; part i is "
    "computed on once it is there and part i − 1 is done. Return the "
    "seconds until everything is done."
)

STARTER = """\
def overlapped_time(copy_s, compute_s, chunks):
    return copy_s + compute_s
"""

SOLUTION = """\
def overlapped_time(copy_s, compute_s, chunks):
    longer, shorter = max(copy_s, compute_s), min(copy_s, compute_s)
    return longer + shorter / chunks
"""


def specification(copy_s, compute_s, chunks):
    done = 0.0
    for number in range(chunks):
        there = (number + 1) * copy_s / chunks
        done = max(done, there) + compute_s / chunks
    return done


CASES = tuple(
    (copy, compute, chunks)
    for copy, compute in ((1.0, 3.0), (3.0, 1.0), (2.0, 2.0), (0.0, 1.0))
    for chunks in (1, 2, 5, 40)
)


TOLERANCE = 1e-9
WRONG = (
    ("no_overlap", " / chunks", ""),
    ("starts_at_once", " + shorter / chunks", ""),
    (
        "waits_for_one_copy",
        "longer + shorter / chunks",
        "copy_s / chunks + compute_s",
    ),
    ("wrong_result", "longer + shorter / chunks", "shorter + longer / chunks"),
)
HINTS = (
    "Draw two rows of bars for three parts, once with the copies longer "
    "and once with the computations longer.",
    "The slower of the two never pauses. What comes before its start, or "
    "after its end?",
    "max(copy_s, compute_s) + min(copy_s, compute_s) / chunks",
)
MISTAKES = (
    Mistake(
        "no_overlap",
        "That is one after the other: nothing happens at the same time.",
        gives=lambda a, b, n: a + b,
    ),
    Mistake(
        "starts_at_once",
        "The first part can't be computed on "
        "before it is copied, nor the last one before it has come.",
        gives=lambda a, b, n: max(a, b),
    ),
    Mistake(
        "waits_for_one_copy",
        "That holds where computing takes "
        "longer. Where copying does, the computation waits for each "
        "part.",
        gives=lambda a, b, n: a / n + b,
    ),
)
