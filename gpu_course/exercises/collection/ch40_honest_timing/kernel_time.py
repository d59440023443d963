"""kernel_time: a launch returns at once, so a timer has to wait."""

from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 1
TITLE = "A launch returns at once"
TASK = (
    'Return the seconds of the kernel "add", from its launch to its '
    "end, as the median of `repeats`, with its data not in the GPU's "
    'cache: "clear", a kernel as well, empties it. This machine has no '
    "noise, so each launch takes as long."
)

STARTER = """\
import statistics


def kernel_time(machine, repeats):
    times = []
    for _ in range(repeats):
        machine.launch("clear")
        start = machine.clock()
        machine.launch("add")
        times.append(machine.clock() - start)
    return statistics.median(times)
"""

SOLUTION = """\
import statistics


def kernel_time(machine, repeats):
    times = []
    for _ in range(repeats):
        machine.launch("clear")
        machine.synchronize()
        start = machine.clock()
        machine.launch("add")
        machine.synchronize()
        times.append(machine.clock() - start)
    return statistics.median(times)
"""
CLEAR = """\
        machine.launch("clear")
        machine.synchronize()
"""
WAIT = """\
        machine.launch("add")
        machine.synchronize()
"""


def specification(machine, repeats):
    true = physics(machine)
    return true.launch_s + true.add_s


def without_wait(machine, repeats):
    return physics(machine).launch_s


def with_earlier_work(machine, repeats):
    true = physics(machine)
    return true.clear_s + true.add_s


def from_the_cache(machine, repeats):
    true = physics(machine)
    return true.launch_s + true.cached * true.add_s


def cases():
    return [
        (SimulatedMachine(seed), repeats)
        for seed, repeats in ((1, 3), (2, 5), (3, 9), (4, 21))
    ]


TOLERANCE = 0.03
WRONG = (
    ("no_wait", WAIT, WAIT.splitlines(True)[0]),
    ("earlier_work", CLEAR, CLEAR.splitlines(True)[0]),
    ("warm_cache", CLEAR, ""),
    ("wrong_result", 'launch("add")', 'launch("clear")'),
)
HINTS = (
    "What has the GPU done by the time that launch returns?",
    "machine.synchronize() waits for everything in the queue. Who else "
    "is in it when the clock starts?",
    'Wait twice: after the launch of "clear", before the clock starts, '
    'and after the launch of "add", before it is read again.',
)
MISTAKES = (
    Mistake(
        "no_wait",
        "That is what it takes to put a kernel into the "
        "queue. Nothing waits for the kernel to be done before the "
        "clock is read again.",
        gives=without_wait,
    ),
    Mistake(
        "earlier_work",
        "When the clock starts, the GPU is still "
        'busy with "clear", so its time is counted as well. Wait '
        "before the start, too.",
        gives=with_earlier_work,
    ),
    Mistake(
        "warm_cache",
        "The data come out of the GPU's cache, where "
        "the launch before has left them: nothing empties it in "
        "between.",
        gives=from_the_cache,
    ),
)
