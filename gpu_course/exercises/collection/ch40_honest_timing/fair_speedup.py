"""fair_speedup: compare the same work in the same type."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.timing.simulated_machine import SimulatedMachine, physics

PLACE = 5
TITLE = "The same work on both sides"
TASK = (
    "`x` is a float64 array. Return how many times faster the GPU's "
    "kernel takes the roots than one thread of the CPU, in float32 on "
    "both sides. The copies to and from the GPU aren't counted this time."
)

STARTER = """\
import statistics


def fair_speedup(machine, x, repeats):
    on_cpu = x
    on_gpu = machine.to_device(x.astype("float32"))
    cpu = []
    gpu = []
    for _ in range(repeats):
        start = machine.clock()
        machine.run("sqrt", on_cpu)
        cpu.append(machine.clock() - start)
        start = machine.clock()
        machine.launch("sqrt", on_gpu)
        machine.synchronize()
        gpu.append(machine.clock() - start)
    return statistics.median(cpu) / statistics.median(gpu)
"""

SOLUTION = STARTER.replace("on_cpu = x\n", 'on_cpu = x.astype("float32")\n')
ON_GPU = 'machine.to_device(x.astype("float32"))'


def ratio(machine, x, cpu=np.float32, gpu=np.float32):
    true = physics(machine)
    gpu_s = true.launch_s + true.kernel_s("sqrt", x.astype(gpu))
    return true.cpu_s(x.astype(cpu)) / gpu_s


def specification(machine, x, repeats):
    return ratio(machine, x)


def cases():
    random = generator()
    return [
        (SimulatedMachine(seed), random.uniform(1, 4, size), repeats)
        for seed, size, repeats in (
            (41, 20_000, 1),
            (42, 100_000, 3),
            (43, 60_001, 5),
        )
    ]


TOLERANCE = 0.03
WRONG = (
    ("unequal", 'on_cpu = x.astype("float32")', "on_cpu = x"),
    (
        "both_double",
        'on_cpu = x.astype("float32")',
        "on_cpu = x",
        ON_GPU,
        "machine.to_device(x)",
    ),
    ("swapped", ON_GPU, "machine.to_device(x)"),
    ("no_wait", "        machine.synchronize()\n", ""),
    ("wrong_result", '"sqrt", on_gpu', '"clear"'),
)
HINTS = (
    "What types do the two arrays have?",
    "The CPU works on twice the bytes. Convert before the clock starts.",
    'on_cpu = x.astype("float32")',
)
MISTAKES = (
    Mistake(
        "unequal",
        "The CPU works in float64 and the GPU in float32: "
        "twice the bytes on one side.",
        gives=lambda machine, x, repeats: ratio(machine, x, cpu=np.float64),
    ),
    Mistake(
        "both_double",
        "It is the same work now, but in float64, and "
        "the question is about float32.",
        gives=lambda machine, x, repeats: ratio(
            machine, x, np.float64, np.float64
        ),
    ),
    Mistake(
        "swapped",
        "Now the GPU is the one that works in float64.",
        gives=lambda machine, x, repeats: ratio(machine, x, gpu=np.float64),
    ),
    Mistake(
        "no_wait",
        "The GPU's side is the launch alone: nothing waits for the kernel.",
        gives=lambda machine, x, repeats: (
            physics(machine).cpu_s(x.astype(np.float32))
            / physics(machine).launch_s
        ),
    ),
)
