"""steady_time: the first launch compiles, and the clock rate must rise."""

import statistics

from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 2
TITLE = "The first launches are others"
TASK = (
    "Return the median seconds of a launch of the compiled kernel "
    '`machine.jit("add")` once it is compiled and the GPU\'s clock is '
    "up, which takes up to `warm_up` launches. `repeats` may be 1."
)

STARTER = """\
import statistics


def steady_time(machine, warm_up, repeats):
    times = []
    for _ in range(repeats):
        machine.synchronize()
        start = machine.clock()
        add = machine.jit("add")
        machine.launch(add)
        machine.synchronize()
        times.append(machine.clock() - start)
    return statistics.median(times)
"""

SOLUTION = """\
import statistics


def steady_time(machine, warm_up, repeats):
    add = machine.jit("add")
    for _ in range(warm_up):
        machine.launch(add)
    times = []
    for _ in range(repeats):
        machine.synchronize()
        start = machine.clock()
        machine.launch(add)
        machine.synchronize()
        times.append(machine.clock() - start)
    return statistics.median(times)
"""
WARM_UP = """\
    for _ in range(warm_up):
        machine.launch(add)
"""


def specification(machine, warm_up, repeats):
    true = physics(machine)
    return true.launch_s + true.cached * true.add_s


def timed(machine, repeats, before=0, every=False, waits=True):
    """Return the solution's time with some of the mistakes."""
    add = machine.jit("add")
    for _ in range(before):
        machine.launch(add)
    times = []
    for _ in range(repeats):
        if waits:
            machine.synchronize()
        start = machine.clock()
        machine.launch(machine.jit("add") if every else add)
        machine.synchronize()
        times.append(machine.clock() - start)
    return statistics.median(times)


def cases():
    return [
        (SimulatedMachine(seed, cold=True), warm_up, repeats)
        for seed, warm_up, repeats in (
            (11, 20, 1),
            (12, 25, 3),
            (13, 15, 5),
            (14, 30, 1),
            (15, 40, 9),
        )
    ]


TOLERANCE = 0.03
WRONG = (
    (
        "compiles_each_time",
        "launch(add)\n        machine",
        'launch(machine.jit("add"))\n        machine',
    ),
    ("first_counted", WARM_UP, ""),
    ("warms_once", WARM_UP, "    machine.launch(add)\n"),
    (
        "warm_up_counted",
        "        machine.synchronize()\n        start",
        "        start",
    ),
    (
        "wrong_result",
        "machine.launch(add)\n        machine.synchronize()",
        "machine.launch(add)",
    ),
)
HINTS = (
    "How often is the kernel compiled, and is the clock running then?",
    "Make the kernel once, outside the loop, and launch it `warm_up` "
    "times before anything is timed.",
    'add = machine.jit("add"); for _ in range(warm_up): '
    "machine.launch(add); then the timed loop, waiting before the start "
    "and after the launch",
)
MISTAKES = (
    Mistake(
        "compiles_each_time",
        "Each jit is a new kernel, which its "
        "first launch compiles: every repeat times the compiler.",
        gives=lambda machine, warm_up, repeats: timed(
            machine, repeats, every=True
        ),
    ),
    Mistake(
        "first_counted",
        "With few repeats the first launch decides, "
        "and it compiles. Launch before you time.",
        gives=lambda machine, warm_up, repeats: timed(machine, repeats),
    ),
    Mistake(
        "warms_once",
        "It is compiled, but one launch is too few: "
        "the GPU's clock is still rising.",
        gives=lambda machine, warm_up, repeats: timed(machine, repeats, 1),
    ),
    Mistake(
        "warm_up_counted",
        "The launches that warm up are still in "
        "the queue when the clock starts.",
        gives=lambda machine, warm_up, repeats: timed(
            machine, repeats, warm_up, waits=False
        ),
    ),
)
