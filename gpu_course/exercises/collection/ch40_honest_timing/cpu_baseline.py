"""cpu_baseline: compare a GPU with the whole CPU, warmed up."""

import statistics

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 7
TITLE = "The other side of the comparison"
TASK = (
    "Return the median seconds that the CPU needs for the roots of `x` "
    "at its best: with all its `machine.cores` and not in its first run, "
    "which is a slow one. `repeats` may be 1."
)

STARTER = """\
import statistics


def cpu_baseline(machine, x, repeats):
    start = machine.clock()
    machine.run("sqrt", x)
    return machine.clock() - start
"""

SOLUTION = """\
import statistics


def cpu_baseline(machine, x, repeats):
    machine.run("sqrt", x, threads=machine.cores)
    times = []
    for _ in range(repeats):
        start = machine.clock()
        machine.run("sqrt", x, threads=machine.cores)
        times.append(machine.clock() - start)
    return statistics.median(times)
"""
RUN = 'machine.run("sqrt", x, threads=machine.cores)\n'
WARM_UP, TIMED = f"    {RUN}    times", f"        {RUN}        times"


def specification(machine, x, repeats):
    return physics(machine).cpu_s(x, machine.cores)


def timed(machine, x, repeats, threads):
    times = []
    for _ in range(repeats):
        start = machine.clock()
        machine.run("sqrt", x, threads)
        times.append(machine.clock() - start)
    return statistics.median(times)


def cases():
    random = generator()
    return [
        (
            SimulatedMachine(seed, cold=True),
            random.uniform(1, 4, size).astype(np.float32),
            repeats,
        )
        for seed, size, repeats in (
            (61, 20_000, 1),
            (62, 50_000, 3),
            (63, 30_001, 2),
            (64, 20_000, 1),
        )
    ]


TOLERANCE = 0.03
WRONG = (
    (
        "cold_and_alone",
        WARM_UP,
        "    times",
        "repeats):\n        start",
        "1):\n        start",
        ", threads=machine.cores",
        "",
    ),
    ("one_thread", TIMED, TIMED.replace(", threads=machine.cores", "")),
    ("cold", WARM_UP, "    times"),
    ("wrong_result", TIMED, TIMED.replace("machine.cores", "2")),
)
HINTS = (
    "The GPU would be warm and whole. Is the CPU?",
    "Run once before the clock starts, in the way that is timed, and look "
    "for a parameter of machine.run.",
    'machine.run("sqrt", x, threads=machine.cores), timed `repeats` '
    "times after one run that isn't",
)
MISTAKES = (
    Mistake(
        "cold_and_alone",
        "That is the first run, on one thread. The "
        "GPU that it is compared with is warm and works with all it "
        "has.",
        gives=lambda machine, x, repeats: timed(machine, x, 1, 1),
    ),
    Mistake(
        "one_thread",
        "It is warm, and uses one of its cores.",
        gives=lambda machine, x, repeats: physics(machine).cpu_s(x),
    ),
    Mistake(
        "cold",
        "All cores work, but the first run is counted.",
        gives=lambda machine, x, repeats: timed(
            machine, x, repeats, machine.cores
        ),
    ),
)
