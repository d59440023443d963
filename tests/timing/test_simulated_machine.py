"""The simulated machine keeps the time that its physics says."""

import numpy as np
import pytest

from gpu_course.timing.simulated_machine import (
    KERNELS,
    SPIKES,
    Physics,
    SimulatedMachine,
    physics,
)

ROOTS = np.linspace(1, 4, 1000, dtype=np.float32)


def seconds(machine, *steps):
    start = machine.clock()
    for step in steps:
        step()
    return machine.clock() - start


def test_a_launch_returns_at_once_and_the_queue_is_worked_off():
    machine = SimulatedMachine(1)
    true = physics(machine)

    def launch():
        machine.launch("clear")

    assert seconds(machine, launch) == pytest.approx(true.launch_s, rel=0.02)
    assert seconds(machine, launch, launch) < 3 * true.launch_s
    machine.synchronize()
    took = seconds(machine, launch, launch, machine.synchronize)
    assert took == pytest.approx(true.launch_s + 2 * true.clear_s, rel=0.01)
    assert seconds(machine, machine.synchronize) < 1e-7


def test_only_the_first_launch_compiles():
    machine = SimulatedMachine(2)
    true, kernel = physics(machine), machine.jit("add")
    assert seconds(machine, lambda: None) < 1e-7
    first = seconds(machine, lambda: machine.launch(kernel))
    second = seconds(machine, lambda: machine.launch(kernel))
    assert first == pytest.approx(true.compile_s + true.launch_s, rel=1e-3)
    assert second == pytest.approx(true.launch_s, rel=0.02)


def test_the_cache_is_warm_until_it_is_cleared():
    machine = SimulatedMachine(3)
    true = physics(machine)

    def add():
        machine.launch("add")
        machine.synchronize()

    add()
    warm = seconds(machine, add)
    machine.launch("clear")
    machine.synchronize()
    cold = seconds(machine, add)
    assert cold == pytest.approx(true.launch_s + true.add_s, rel=1e-3)
    assert warm < 0.6 * cold


def test_a_cold_machine_gets_faster_and_then_stays():
    machine = SimulatedMachine(4, cold=True)
    times = []
    for _ in range(physics(machine).ramp + 10):
        times.append(
            seconds(
                machine, lambda: machine.launch("clear"), machine.synchronize
            )
        )
    assert times[0] == pytest.approx(3 * times[-1], rel=0.1)
    assert np.all(np.diff(times) < 2e-8)  # two ticks of the clock
    assert times[-1] == pytest.approx(times[-9], rel=1e-3)


def test_noise_has_the_median_that_it_says_and_a_tail():
    machine = SimulatedMachine(5, noisy=True)
    factors = np.array([machine._noise() for _ in range(20_000)])
    assert np.median(factors) == pytest.approx(
        Physics.noise_median(), rel=0.01
    )
    assert np.mean(factors >= 5) == pytest.approx(SPIKES, abs=0.01)
    assert factors.mean() > 3 * np.median(factors)


def test_copies_and_both_processors_take_what_they_should():
    machine = SimulatedMachine(6)
    true = physics(machine)
    on_gpu = machine.to_device(ROOTS)
    over = 4000 / (1e9 * true.bus_gb_s)
    for copy, x, longer in (
        (machine.to_device, ROOTS, 1),
        (machine.to_host, on_gpu, true.back),
    ):
        took = seconds(machine, lambda copy=copy, x=x: copy(x))
        expected = true.bus_latency_s + longer * over
        assert took == pytest.approx(expected, rel=0.01)
    once = seconds(machine, lambda: machine.run("sqrt", ROOTS))
    double = ROOTS.astype(np.float64)
    assert seconds(
        machine, lambda: machine.run("sqrt", double)
    ) == pytest.approx(2 * once, rel=0.05)
    many = seconds(machine, lambda: machine.run("sqrt", double, 2))
    assert many == pytest.approx(once, rel=0.05)
    assert true.kernel_s("sqrt", double) > 10 * true.kernel_s("sqrt", ROOTS)


def test_what_the_kernels_write():
    machine = SimulatedMachine(7)
    on_gpu = machine.to_device(ROOTS)
    expected = np.sqrt(ROOTS)
    assert np.array_equal(
        machine.to_host(machine.launch("sqrt", on_gpu)), expected
    )
    for name, kind in physics(machine).kind.items():
        out = machine.to_device(np.full_like(ROOTS, np.nan))
        got = machine.to_host(machine.launch(name, on_gpu, out))
        assert np.array_equal(got, expected) == (kind in ("plain", "slow"))
        close = np.allclose(got, expected)
        assert close == (kind in ("plain", "slow", "quick"))
        assert np.isnan(got).sum() == (1000 if kind == "idle" else 0)
    assert set(physics(machine).kind) == set(KERNELS)


def test_a_fresh_one_is_as_at_the_beginning():
    machine = SimulatedMachine(8, cold=True, noisy=True)
    assert eval(repr(machine)) == machine.fresh() == machine

    def times(machine):
        return [
            seconds(
                machine, lambda: machine.launch("add"), machine.synchronize
            )
            for _ in range(20)
        ]

    first = times(machine)
    assert times(machine) != first
    assert times(machine.fresh()) == first


def test_what_is_wrong_is_said():
    machine = SimulatedMachine(9)
    with pytest.raises(TypeError, match="to_device"):
        machine.launch("sqrt", ROOTS)
    with pytest.raises(TypeError, match="to_device"):
        machine.launch("sqrt")
    with pytest.raises(TypeError, match="NumPy array, got DeviceArray"):
        machine.run("sqrt", machine.to_device(ROOTS))
    with pytest.raises(TypeError, match="to_host"):
        np.sqrt(machine.to_device(ROOTS))
    with pytest.raises(ValueError, match="no kernel 'sum'; there are add"):
        machine.launch("sum")
    with pytest.raises(ValueError, match="only 'sqrt', got 'add'"):
        machine.run("add", ROOTS)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        machine.run("sqrt", ROOTS, threads=0)
