"""offload_speedup: the copies to the GPU and back count too."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 4
TITLE = "There and back"
TASK = (
    "An array is in the host's memory, and its roots are wanted there. "
    "Return how many times faster the GPU does that than one thread of "
    "the CPU (below 1 if it is slower)."
)

STARTER = """\
import statistics


def offload_speedup(machine, x, repeats):
    on_gpu = machine.to_device(x)
    cpu = []
    gpu = []
    for _ in range(repeats):
        start = machine.clock()
        machine.run("sqrt", x)
        cpu.append(machine.clock() - start)
        start = machine.clock()
        machine.launch("sqrt", on_gpu)
        machine.synchronize()
        gpu.append(machine.clock() - start)
    return statistics.median(cpu) / statistics.median(gpu)
"""

SOLUTION = """\
import statistics


def offload_speedup(machine, x, repeats):
    cpu = []
    gpu = []
    for _ in range(repeats):
        start = machine.clock()
        machine.run("sqrt", x)
        cpu.append(machine.clock() - start)
        start = machine.clock()
        on_gpu = machine.to_device(x)
        roots = machine.launch("sqrt", on_gpu)
        machine.to_host(roots)
        gpu.append(machine.clock() - start)
    return statistics.median(cpu) / statistics.median(gpu)
"""
IN_THE_TIMER = """\
        start = machine.clock()
        on_gpu = machine.to_device(x)
"""
BEFORE_IT = "".join(reversed(IN_THE_TIMER.splitlines(True)))


def ratio(machine, x, copies=(False, True)):
    """Return the speed-up, with or without copies to the GPU and host."""
    true = physics(machine)
    gpu_s = true.launch_s + true.kernel_s("sqrt", x)
    return true.cpu_s(x) / (gpu_s + sum(true.copy_s(x, c) for c in copies))


def specification(machine, x, repeats):
    return ratio(machine, x)


def cases():
    random = generator()
    return [
        (
            SimulatedMachine(seed),
            random.uniform(1, 4, size).astype(np.float32),
            repeats,
        )
        for seed, size, repeats in (
            (31, 5_000, 1),
            (32, 100_000, 3),
            (33, 60_000, 5),
            (34, 9_001, 3),
        )
    ]


TOLERANCE = 0.03
WRONG = (
    (
        "no_copies",
        IN_THE_TIMER,
        BEFORE_IT,
        "machine.to_host(roots)",
        "machine.synchronize()",
    ),
    ("one_copy", "machine.to_host(roots)", "machine.synchronize()"),
    (
        "upside_down",
        "statistics.median(cpu) / statistics.median(gpu)",
        "statistics.median(gpu) / statistics.median(cpu)",
    ),
)
HINTS = (
    "Where is the array when the clock starts, and where are its roots "
    "when it stops?",
    "Both copies belong between the two readings of the clock.",
    "start = machine.clock(), then to_device, launch and to_host, then "
    "the clock again. to_host waits for the kernel.",
)
MISTAKES = (
    Mistake(
        "no_copies",
        "That is the ratio of CPU and kernel alone. The "
        "array has to get to the GPU and the roots have to come "
        "back.",
        gives=lambda machine, x, repeats: ratio(machine, x, ()),
    ),
    Mistake(
        "one_copy",
        "One copy is counted. There are two: the array there, the roots back.",
        gives=lambda machine, x, repeats: ratio(machine, x, (False,)),
    ),
    Mistake(
        "upside_down",
        "That is the CPU's gain over the GPU: turn the ratio over.",
        gives=lambda machine, x, repeats: 1 / ratio(machine, x),
    ),
)
