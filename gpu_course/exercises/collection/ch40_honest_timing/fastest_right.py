"""fastest_right: check results, as a kernel that does nothing is fastest."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import (
    KERNELS,
    SimulatedMachine,
    physics,
)

PLACE = 6
TITLE = "The fastest kernel that is right"
TASK = (
    "Each of the `kernels` should write the roots of `x` into `out`, and "
    "not all do. Return the median seconds of the fastest one that is "
    "right: within `np.allclose` of `np.sqrt(x)`."
)

STARTER = """\
import statistics

import numpy as np


def fastest_right(machine, kernels, x, repeats):
    on_gpu = machine.to_device(x)
    found = []
    for kernel in kernels:
        out = machine.to_device(np.full_like(x, np.nan))
        times = []
        for _ in range(repeats):
            start = machine.clock()
            machine.launch(kernel, on_gpu, out)
            machine.synchronize()
            times.append(machine.clock() - start)
        found.append(statistics.median(times))
    return min(found)
"""

SOLUTION = STARTER.replace(
    "        found.append(statistics.median(times))\n",
    "        if np.allclose(machine.to_host(out), np.sqrt(x)):\n"
    "            found.append(statistics.median(times))\n",
)
TEST = "np.allclose(machine.to_host(out), np.sqrt(x))"
OUT = "        out = machine.to_device(np.full_like(x, np.nan))\n"
LOOP = "    for kernel in kernels:\n"


def seconds(machine, kind):
    true = physics(machine)
    return true.launch_s + getattr(true, f"{kind}_s")


def specification(machine, kernels, x, repeats):
    return seconds(machine, "quick")


def with_old_results(machine, kernels, x, repeats):
    """Return the time if each kernel gets the previous kernel's output."""
    kinds = [physics(machine).kind[kernel] for kernel in kernels]
    right, found = False, []
    for kind in kinds:
        if kind != "idle":
            right = kind != "tail"
        if right:
            found.append(seconds(machine, kind))
    return min(found)


def cases():
    """Return cases; only in the first, the idle kernel comes first."""
    random, found = generator(), []
    for seed, size, repeats in ((51, 40, 1), (52, 257, 3), (53, 1_000, 5)):
        machine = SimulatedMachine(seed)
        by_kind = {v: k for k, v in physics(machine).kind.items()}
        kinds = ("idle", "plain", "tail", "quick", "slow")
        if seed > 51:
            kinds = kinds[1:] + kinds[:1]
        kernels = tuple(by_kind[kind] for kind in kinds)
        assert sorted(kernels) == sorted(KERNELS)
        x = random.uniform(1, 4, size).astype(np.float32)
        found.append((machine, kernels, x, repeats))
    return found


TOLERANCE = 0.03
WRONG = (
    ("unchecked", f"if {TEST}", "if True"),
    ("old_results", OUT, "", LOOP, OUT[4:] + LOOP),
    ("too_strict", "np.allclose", "np.array_equal"),
    ("first_only", TEST, "np.isclose(machine.to_host(out)[0], np.sqrt(x[0]))"),
    ("wrong_result", "min(found)", "max(found)"),
)
HINTS = (
    "How long does a kernel take that does nothing?",
    "Fetch what it wrote and compare it with NumPy, all of it. What was "
    "in the array before?",
    "if np.allclose(machine.to_host(out), np.sqrt(x)): keep its time; "
    "with an out full of NaN for each kernel",
)
MISTAKES = (
    Mistake(
        "unchecked",
        "The winner does nothing. Look at what each has "
        "written before its time counts.",
        gives=lambda machine, *rest: seconds(machine, "idle"),
    ),
    Mistake(
        "old_results",
        "The winner does nothing, and the array still "
        "held the right roots of the kernel before. Give each an "
        "array with something else in it.",
        gives=with_old_results,
    ),
    Mistake(
        "too_strict",
        "A kernel that rounds otherwise in the last "
        "bit is right too: compare with a tolerance.",
        gives=lambda machine, *rest: seconds(machine, "plain"),
    ),
    Mistake(
        "first_only",
        "The winner gets an element near the end wrong. "
        "Compare every element.",
        gives=lambda machine, *rest: seconds(machine, "tail"),
    ),
)
