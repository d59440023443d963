"""which_limit: what a measured time says about a kernel."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 3
TITLE = "What holds it back?"
TASK = (
    "A kernel of `flops` FLOPs and `nbytes` bytes took `seconds` on a "
    "processor with a `peak` in GFLOP/s and a `bandwidth` in GB/s. "
    'Return `"memory"` or `"arithmetic"`, whichever takes longer, if '
    'that explains at least half of the time, else `"neither"`.'
)

STARTER = """\
def which_limit(flops, nbytes, seconds, peak, bandwidth):
    return "memory"
"""

SOLUTION = """\
def which_limit(flops, nbytes, seconds, peak, bandwidth):
    arithmetic = flops / peak / 1e9
    memory = nbytes / bandwidth / 1e9
    if max(arithmetic, memory) < seconds / 2:
        return "neither"
    return "memory" if memory > arithmetic else "arithmetic"
"""


def specification(flops, nbytes, seconds, peak, bandwidth):
    arithmetic = flops / peak / 1e9
    memory = nbytes / bandwidth / 1e9
    if max(arithmetic, memory) < seconds / 2:
        return "neither"
    return "memory" if memory > arithmetic else "arithmetic"


def no_neither(flops, nbytes, seconds, peak, bandwidth):
    by_bytes = nbytes / bandwidth > flops / peak
    return "memory" if by_bytes else "arithmetic"


def swapped(*arguments):
    right = specification(*arguments)
    other = {"memory": "arithmetic", "arithmetic": "memory"}
    return other.get(right, right)


def by_sum(flops, nbytes, seconds, peak, bandwidth):
    arithmetic = flops / peak / 1e9
    memory = nbytes / bandwidth / 1e9
    if arithmetic + memory < seconds / 2:
        return "neither"
    return "memory" if memory > arithmetic else "arithmetic"


# Seconds are multiples of the model's; 2.0 still counts as explained.
CASES = tuple(
    (
        flops,
        nbytes,
        times * max(flops / peak, nbytes / bandwidth) / 1e9,
        peak,
        bandwidth,
    )
    for peak, bandwidth in ((128.0, 16.0), (16384.0, 1024.0))
    for flops, nbytes in (
        (1e9, 12e9),
        (2e12, 1e9),
        (4e9, 1e9),
        (0.0, 8e8),
        (24e9, 1e9),
        (64e9, 4.1e9),
    )
    for times in (1.0, 1.9, 2.0, 2.000000001, 2.1, 20.0)
)


WRONG = (
    ("no_neither", "seconds / 2", "0"),
    (
        "swapped",
        '"memory" if memory > arithmetic else "arithmetic"',
        '"arithmetic" if memory > arithmetic else "memory"',
    ),
    ("adds_the_times", "max(arithmetic, memory)", "arithmetic + memory"),
    edited(STARTER, "always_memory"),
    ("wrong_result", "seconds / 2", "seconds * 2"),
)
HINTS = (
    "How long would the arithmetic take alone, and how long the bytes?",
    "The roofline's time is the larger of the two. Compare it with half "
    "of the measured time first.",
    "if max(flops / peak, nbytes / bandwidth) / 1e9 < seconds / 2: return "
    '"neither"',
)
MISTAKES = (
    Mistake(
        "always_memory",
        "It says memory whatever the numbers are.",
        gives=lambda *numbers: "memory",
    ),
    Mistake(
        "no_neither",
        "It always names one of the two, also where "
        "they explain next to nothing of the time.",
        gives=no_neither,
    ),
    Mistake(
        "swapped",
        "Memory and arithmetic are the wrong way round.",
        gives=swapped,
    ),
    Mistake(
        "adds_the_times",
        "It adds the two times: they go on at once, so the longer one counts.",
        gives=by_sum,
    ),
)
EQUIVALENT = {
    "memory > arithmetic -> memory >= arithmetic, line 6": "They differ "
    "only where both take as long, and then either is right.",
}
