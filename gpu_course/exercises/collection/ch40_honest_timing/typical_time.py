"""typical_time: one launch in seven takes far too long."""

from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 3
TITLE = "What is typical on a noisy machine"
TASK = (
    "Others use the machine as well, and some launches take up to forty "
    "times as long. Return the seconds that half of the launches of "
    '"add" stay below.'
)

STARTER = """\
import statistics


def typical_time(machine, repeats):
    times = []
    for _ in range(repeats):
        start = machine.clock()
        machine.launch("add")
        machine.synchronize()
        times.append(machine.clock() - start)
    return statistics.mean(times)
"""

SOLUTION = STARTER.replace(".mean(", ".median(")


def specification(machine, repeats):
    true = physics(machine)
    return true.launch_s + true.cached * true.add_s * true.noise_median()


def times(machine, repeats):
    found = []
    for _ in range(repeats):
        start = machine.clock()
        machine.launch("add")
        machine.synchronize()
        found.append(machine.clock() - start)
    return found


def cases():
    return [
        (SimulatedMachine(seed, noisy=True), repeats)
        for seed, repeats in ((21, 301), (22, 401), (23, 501), (24, 301))
    ]


TOLERANCE = 0.05
WRONG = (
    ("mean", "statistics.median", "statistics.mean"),
    ("one_run", "range(repeats)", "range(1)"),
    ("fastest", "statistics.median", "min"),
    ("wrong_result", "statistics.median", "max"),
)
HINTS = (
    "What does one launch that takes forty times as long do to the result?",
    "Sort the times. Which of them do half stay below?",
    "statistics.median(times)",
)
MISTAKES = (
    Mistake(
        "mean",
        "That is the mean, and the few launches that take "
        "far too long pull it up. Half of the launches stay below "
        "something else.",
        gives=lambda machine, repeats: sum(times(machine, repeats)) / repeats,
    ),
    Mistake(
        "one_run",
        "That is a single launch. Another one can take ten times as long.",
        gives=lambda machine, repeats: times(machine, 1)[0],
    ),
    Mistake(
        "fastest",
        "That is the fastest launch, which hardly any other reaches.",
        gives=lambda machine, repeats: min(times(machine, repeats)),
    ),
)
