"""The same benchmarks on a real clock: this CPU, and a fake GPU."""

import statistics
import threading
import time

import numpy as np
import pytest
from fake_cuda import fake_cuda

from gpu_course.exercises.check import find
from gpu_course.timing.simulated_machine import KERNELS
from gpu_course.timing.this_machine import ThisMachine

X = np.random.default_rng(0).uniform(1, 4, 200_000).astype(np.float32)
# The six dishonest ones, and the other side's; arguments of one short call.
SHORT = {
    "kernel_time": (1,),
    "steady_time": (5, 41),
    "typical_time": (3,),
    "offload_speedup": (X, 3),
    "fair_speedup": (X.astype(np.float64), 3),
    "fastest_right": (KERNELS, X, 3),
    "cpu_baseline": (X, 3),
}
CALLS = {"steady_time": 8}  # of each run: it compiles in each call


pytestmark = pytest.mark.usefixtures("one_thread")


def spread(runs):
    medians = [statistics.median(run) for run in runs]
    return max(medians) / min(medians) - 1


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", SHORT)
def test_five_runs_of_an_honest_benchmark_agree(name):
    """Within 10 %; by turns, so that all meet the same drift.

    A machine that others use gets more repeats, and no other bound.
    """
    exercise = find(name)
    answer = exercise.load(exercise.solution)
    machine, runs = ThisMachine("cpu", cores=1), [[] for _ in range(5)]
    end, enough = time.perf_counter() + 60, CALLS.get(name, 30)
    while True:
        for run in runs:
            run.append(answer(machine, *SHORT[name]))
        if len(runs[0]) >= enough:
            enough = round(1.5 * enough)
            if spread(runs) <= 0.1 or time.perf_counter() > end:
                break
    print(f"\n{name}: {spread(runs):.1%} after {len(runs[0])} calls each")
    assert spread(runs) <= 0.1


@pytest.mark.parametrize(
    ("name", "factor"),
    [("kernel_time", 1 / 3), ("steady_time", 10), ("fastest_right", 1 / 2)],
)
def test_a_dishonest_one_is_far_off_here_too(name, factor):
    exercise = find(name)
    machine = ThisMachine("cpu", cores=1)
    arguments = (2, 5) if name == "steady_time" else SHORT[name]

    def result(source, count):
        answer = exercise.load(source)
        return statistics.median(
            answer(machine, *arguments) for _ in range(count)
        )

    # A busy machine takes more repeats, not another bound.
    for count in (3, 9) if name == "steady_time" else (20, 60, 180):
        honest = result(exercise.solution, count)
        dishonest = result(exercise.starter, count)
        if (dishonest / honest > factor) == (factor > 1):
            return
    raise AssertionError(f"{dishonest:.3g} against {honest:.3g}")


def test_the_stand_in_is_asynchronous():
    machine, gate = ThisMachine("cpu"), threading.Event()
    machine._put(gate.wait)
    out = machine.launch("sqrt", X.copy(), np.zeros_like(X))
    assert not out.any()
    gate.set()
    assert np.array_equal(machine.to_host(out), np.sqrt(X))


def test_an_error_in_the_queue_is_raised_where_it_is_waited_for():
    machine = ThisMachine("cpu")
    machine.launch("sqrt", X, X[:3].copy())
    with pytest.raises(ValueError, match="broadcast"):
        machine.synchronize()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_the_kernels_write(device):
    with fake_cuda():
        machine = ThisMachine(device)
        assert machine.device.type == device
        expected, on_device = np.sqrt(X), machine.to_device(X)
        right = {}
        for name in ("sqrt", *KERNELS):
            out = machine.to_device(np.full_like(X, np.nan))
            got = machine.to_host(machine.launch(name, on_device, out))
            right[name] = np.allclose(got, expected)
        for kernel in ("add", "clear", machine.jit("add")):
            assert machine.launch(kernel) is None
        machine.synchronize()
        total = machine.to_host(machine._sum)
    assert right == {
        "sqrt": True,
        "v1": False,
        "v2": True,
        "v3": False,
        "v4": True,
        "v5": True,
    }
    assert np.all(total == 2)
    assert np.allclose(machine.run("sqrt", X), expected)


def test_every_answer_runs_on_a_fake_gpu():
    with fake_cuda() as gpu:
        machine = ThisMachine("cuda", cores=1)
        for name, arguments in SHORT.items():
            exercise = find(name)
            assert exercise.load(exercise.solution)(machine, *arguments) > 0
        assert gpu.waits > 50
        assert gpu.copies_to_device > 5


def test_names_are_checked():
    machine = ThisMachine("cpu")
    assert "stand-in" in repr(machine)
    with pytest.raises(ValueError, match="no kernel 'sum'"):
        machine.launch("sum")
    with pytest.raises(ValueError, match="only 'sqrt'"):
        machine.run("add", X)
