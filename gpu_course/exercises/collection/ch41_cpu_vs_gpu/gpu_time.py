"""gpu_time: a model of launches, kernel and copies."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 1
TITLE = "All of the time"
TASK = (
    "A program copies `copied` bytes over a link of `link_gb_s` GB/s and "
    "launches a kernel `launches` times, one after the other. A launch "
    "costs `launch_s` before the kernel runs for `kernel_s`. Return the "
    "seconds of all of it, nothing overlapped."
)

STARTER = """\
def gpu_time(launches, launch_s, kernel_s, copied, link_gb_s):
    return kernel_s
"""

SOLUTION = """\
def gpu_time(launches, launch_s, kernel_s, copied, link_gb_s):
    return launches * (launch_s + kernel_s) + copied / link_gb_s / 1e9
"""


def specification(launches, launch_s, kernel_s, copied, link_gb_s):
    return launches * (launch_s + kernel_s) + copied / link_gb_s / 1e9


CASES = tuple(
    (launches, launch_s, kernel_s, copied, link)
    for launches in (1, 2, 48, 1000)
    for launch_s, kernel_s in ((5e-6, 1e-6), (4e-6, 0.02), (0.0, 3e-3))
    for copied, link in ((0, 16.0), (4e6, 31.5), (12e9, 63.0))
)


TOLERANCE = 1e-12
WRONG = (
    ("forgets_the_copies", " + copied / link_gb_s / 1e9", ""),
    ("forgets_the_launches", "(launch_s + kernel_s)", "kernel_s"),
    (
        "one_launch",
        "launches * (launch_s + kernel_s)",
        "launch_s + launches * kernel_s",
    ),
    ("in_gigabytes", "/ link_gb_s / 1e9", "/ link_gb_s"),
    edited(STARTER, "kernel_only"),
    (
        "overlaps",
        "launches * (launch_s + kernel_s) + copied / link_gb_s / 1e9",
        "max(launches * (launch_s + kernel_s), copied / link_gb_s / 1e9)",
    ),
)
HINTS = (
    "Which of the costs come once, and which come with every launch?",
    "A GB/s is 1e9 bytes a second.",
    "launches * (launch_s + kernel_s) + copied / link_gb_s / 1e9",
)
MISTAKES = (
    Mistake(
        "kernel_only",
        "This is one kernel alone, without launches and copies.",
        gives=lambda n, a, k, c, b: k,
    ),
    Mistake(
        "forgets_the_copies",
        "The bytes have to come over the link as well.",
        gives=lambda n, a, k, c, b: n * (a + k),
    ),
    Mistake(
        "forgets_the_launches",
        "Each launch costs launch_s before its kernel runs.",
        gives=lambda n, a, k, c, b: n * k + c / b / 1e9,
    ),
    Mistake(
        "one_launch",
        "Every launch costs launch_s, not only the first.",
        gives=lambda n, a, k, c, b: a + n * k + c / b / 1e9,
    ),
    Mistake(
        "in_gigabytes",
        "The link has 1e9 bytes a second for each GB/s.",
        gives=lambda n, a, k, c, b: n * (a + k) + c / b,
    ),
    Mistake(
        "overlaps",
        "Nothing overlaps here: copies and kernels add up.",
        gives=lambda n, a, k, c, b: max(n * (a + k), c / b / 1e9),
    ),
)
