"""pays_from: the size from which a GPU stays faster."""

from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.hardware.modelled_gpu import crossover

PLACE = 2
TITLE = "Where the GPU begins to pay"
TASK = (
    "`sizes` increase; `cpu_s` and `gpu_s` are the seconds at each. "
    "Return the smallest size from which on the GPU is faster at that "
    "and every larger size, or `None` if there is none."
)

STARTER = """\
def pays_from(sizes, cpu_s, gpu_s):
    for size, cpu, gpu in zip(sizes, cpu_s, gpu_s):
        if gpu < cpu:
            return size
"""

SOLUTION = """\
def pays_from(sizes, cpu_s, gpu_s):
    found = None
    for size, cpu, gpu in zip(sizes, cpu_s, gpu_s):
        if gpu >= cpu:
            found = None
        elif found is None:
            found = size
    return found
"""


def first_faster(sizes, cpu_s, gpu_s):
    for size, cpu, gpu in zip(sizes, cpu_s, gpu_s, strict=True):
        if gpu < cpu:
            return size
    return None


def ties_count(sizes, cpu_s, gpu_s):
    return crossover(
        sizes, cpu_s, [g * (g != c) for g, c in zip(gpu_s, cpu_s, strict=True)]
    )


def last_slower(sizes, cpu_s, gpu_s):
    found = None
    for size, cpu, gpu in zip(sizes, cpu_s, gpu_s, strict=True):
        if gpu >= cpu:
            found = size
    return found


SIZES = [10, 1000, 70_000, 10**6, 10**7]
CASES = (
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [2.5, 2.5, 2.5, 2.5, 2.5]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 0.5, 0.5, 0.5, 0.5]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [2.5, 1.5, 3.5, 3.5, 3.5]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 1.5, 2.5, 3.5, 9.0]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 2.0, 2.5, 3.0, 4.0]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0]),
    (SIZES, [1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 9.0, 9.0, 9.0, 9.0]),
    ([7], [1.0], [0.5]),
    ([], [], []),
)


specification = crossover
WRONG = (
    (
        "first_faster",
        "            found = None\n        elif",
        "            pass\n        elif",
    ),
    ("ties_count", "gpu >= cpu", "gpu > cpu"),
    (
        "last_slower",
        "            found = None\n"
        "        elif found is None:\n            found = size",
        "            found = size",
    ),
    ("wrong_result", "elif found is None", "elif True"),
)
HINTS = (
    "The GPU is faster at 1,000, slower at 70,000 and faster from a "
    "million on. What is the answer?",
    "Forget what you found as soon as the CPU is as fast again.",
    "if gpu >= cpu: found = None; elif found is None: found = size",
)
MISTAKES = (
    Mistake(
        "first_faster",
        "It returns the first size where the GPU is "
        "faster, though the CPU wins again at a larger one.",
        gives=first_faster,
    ),
    Mistake(
        "ties_count",
        "Where both are as fast, the GPU isn't faster.",
        gives=ties_count,
    ),
    Mistake(
        "last_slower",
        "This is the last size where the GPU is not "
        "faster: the next one is meant.",
        gives=last_slower,
    ),
)
