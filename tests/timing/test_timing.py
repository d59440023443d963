"""Timings and comparisons: by a simulated clock, and by the real one."""

import gc
import random
import subprocess
import sys
import time
from types import SimpleNamespace

import numba
import numpy as np
import pytest
import torch
from fake_cuda import fake_cuda

from gpu_course.timing import clocks, comparison
from gpu_course.timing.comparison import Blocks, Stop, _block, compare
from gpu_course.timing.timed import Timing, duration, timing_of
from gpu_course.timing.timer import time_call


class Simulated:
    """A machine whose time passes only in calls, with noise by lot.

    Parameters
    ----------
    spread : float
        Of each call's time, as a share.
    drift : float
        How much slower it is a second later, as a share.
    spikes : float
        The share of calls that another program interrupts, for 3 ms.
    """

    def __init__(self, seed, spread=0.05, drift=0.0, spikes=0.0):
        self.draw, self.time = random.Random(seed), 0.0
        self.spread, self.drift, self.spikes = spread, drift, spikes

    def now(self):
        self.time += 50e-9
        return self.time

    def call(self, seconds):
        def function():
            slow = 1 + self.drift * self.time
            took = seconds * slow * self.draw.lognormvariate(0, self.spread)
            if self.draw.random() < self.spikes:
                took += 3e-3 * (1 + self.draw.random())
            self.time += took

        return function


ONE = Blocks(best_of=1, warm_up_s=0)
MACHINES = {
    "quiet": {},
    "noisy": {"spread": 0.5},
    "drifting": {"drift": 0.5},
    "interrupted": {"spikes": 0.4},
    "all": {"spread": 0.2, "drift": 0.3, "spikes": 0.3},
}


def simulated_verdicts(machine, ratio, runs, seconds=1e-3, limit_s=1.5):
    """Return who is called faster in comparisons on a simulated machine."""
    faster = []
    for seed in range(runs):
        simulated = Simulated(seed, **MACHINES[machine])
        found = compare(
            simulated.call(seconds * ratio),
            simulated.call(seconds),
            ("a", "b"),
            blocks=Blocks(seed=seed),
            clock=simulated.now,
            stop=Stop(max_run_time_s=limit_s),
        )
        faster.append(found.faster)
    return faster


@pytest.mark.parametrize("machine", MACHINES)
def test_the_same_is_no_difference(machine):
    assert simulated_verdicts(machine, 1, 20).count(None) >= 19


@pytest.mark.parametrize("machine", MACHINES)
def test_a_fifth_is_a_difference(machine):
    assert simulated_verdicts(machine, 1.2, 20).count("b") >= 18
    assert simulated_verdicts(machine, 1 / 1.2, 20).count("a") >= 18


@pytest.mark.parametrize("seconds", [1e-6, 1e-4, 2e-2])
def test_calls_of_any_length_are_compared(seconds):
    assert set(simulated_verdicts("noisy", 1, 3, seconds, 30)) == {None}
    assert set(simulated_verdicts("noisy", 1.3, 3, seconds, 30)) == {"b"}


def test_a_thousand_times_is_found_exactly():
    simulated = Simulated(0, spread=0.01)
    found = compare(
        simulated.call(2e-2), simulated.call(2e-5), clock=simulated.now
    )
    assert found.low < 1000 < found.high * 1.01
    assert found.a.median_s == pytest.approx(2e-2, rel=0.03)
    assert found.b.median_s == pytest.approx(2e-5, rel=0.03)
    assert found.b.calls > 20 * found.a.calls


def test_timings_one_after_the_other_are_fooled_by_a_drift():
    """What compare is for: the same call twice differs, but not in turn."""
    simulated = Simulated(0, drift=1.0)
    function = simulated.call(1e-3)
    once = time_call(function, 0.5, clock=simulated.now)
    again = time_call(function, 0.5, clock=simulated.now)
    assert again.median_s > 1.2 * once.median_s
    assert compare(function, function, clock=simulated.now).faster is None


@pytest.mark.parametrize(
    ("ratio", "faster", "verdict"),
    [
        (1.5, "b", "b is faster, 1.5 times (1.5–1.5)"),
        (0.5, "a", "a is faster, 2 times (2–2)"),
        (1.02, None, "no difference (1.02–1.02 times)"),
    ],
)
def test_the_verdict_in_words(ratio, faster, verdict):
    simulated = Simulated(0, spread=1e-5)
    found = compare(
        simulated.call(ratio),
        simulated.call(1.0),
        ("a", "b"),
        clock=simulated.now,
        stop=Stop(6),
    )
    assert (found.faster, found.verdict) == (faster, verdict)
    assert str(found).startswith(f"a against b: {verdict}; 6 pairs, 97%")


def test_pairs_and_their_callback():
    simulated, seen = Simulated(0), []
    found = compare(
        simulated.call(2.0),
        simulated.call(1.0),
        stop=Stop(5),
        blocks=ONE,
        clock=simulated.now,
        after_pair=lambda *seconds: seen.append(seconds),
    )
    assert tuple(a / b for a, b in seen) == found.pairs
    assert found.ratio == sorted(found.pairs)[2]
    assert (found.low, found.high) == (min(found.pairs), max(found.pairs))
    assert found.confidence == 0.9375
    assert (found.a.calls, found.b.calls) == (5, 5)


def test_one_pair_is_no_evidence():
    simulated = Simulated(0)
    found = compare(
        simulated.call(2.0),
        simulated.call(1.0),
        clock=simulated.now,
        stop=Stop(1),
    )
    assert found.faster is None
    assert "too few pairs" in found.verdict


def test_both_come_first_as_often():
    order = []
    compare(
        lambda: order.append("a"),
        lambda: order.append("b"),
        stop=Stop(8),
        blocks=ONE,
    )
    firsts = order[::2]
    assert firsts.count("a") == firsts.count("b") == 4
    order.clear()
    compare(
        lambda: order.append("a"),
        lambda: order.append("b"),
        stop=Stop(1),
        blocks=Blocks(warm_up_s=0),
    )
    assert "".join(order) in ("abbaab", "baabba")


def test_the_first_call_isnt_timed():
    simulated, calls = Simulated(0, spread=1e-3), []

    def compiles_first():
        simulated.time += 1e-4 if calls else 10.0
        calls.append(1)

    timing = time_call(compiles_first, clock=simulated.now)
    assert max(timing.times) < 2e-4
    assert timing.calls > 100
    calls.clear()
    found = compare(compiles_first, simulated.call(1e-4), clock=simulated.now)
    assert found.faster is None


def test_repeats_until_the_precision_is_reached():
    def timing(**options):
        simulated = Simulated(3, spread=0.5)
        function = simulated.call(0.01)
        return time_call(
            function, clock=simulated.now, **{"max_run_time_s": 99, **options}
        )

    rough, fine = timing(precision=0.1), timing(precision=0.02)
    assert rough.precision <= 0.1
    assert fine.precision <= 0.02
    assert fine.repeats > 4 * rough.repeats
    assert abs(fine.median_s / 0.01 - 1) < 0.06
    assert fine.warning.startswith("warning: noisy: half of the times")
    stopped = timing(precision=0.001, max_run_time_s=2)
    assert "not to the 0.1% asked for" in stopped.warning
    assert sum(stopped.times) < 4


def test_a_quiet_timing_has_no_warning():
    simulated = Simulated(0, spread=0.01)
    timing = time_call(simulated.call(1e-3), clock=simulated.now)
    assert timing.warning is None
    assert timing.median_s == pytest.approx(1e-3, rel=0.02)
    quartiles = np.percentile(timing.times, [25, 75])
    assert timing.iqr_s == pytest.approx(quartiles[1] - quartiles[0])


def test_what_is_printed():
    timing = Timing(
        "add",
        1.234e-3,
        5e-6,
        200,
        400,
        (1.234e-3,),
        0.004,
        "cuda",
        2,
        "in",
        0.62,
        1410.0,
        "warning: noisy",
    )
    assert str(timing) == (
        "add: 1.23 ms ± 0.4% (IQR 5 µs, 200 repeats, 400 calls) on cuda, "
        "2 threads, transfers in; others kept 0.6 cores busy; 1,410 MHz\n"
        "  warning: noisy"
    )
    assert (timing.median_s, timing.iqr_s) == (1.234e-3, 5e-6)


def test_durations_in_words():
    said = [duration(s) for s in (75.0, 0.25, 3e-6, 4.2e-8, 0)]
    assert said == ["75 s", "250 ms", "3 µs", "42 ns", "0 ns"]


# The real clock


def test_measures_a_known_duration():
    measured = time_call(lambda: time.sleep(0.01), min_run_time_s=0.05)
    assert 0.01 <= measured.median_s < 0.05
    assert sum(measured.times) >= 0.05  # one call in each
    assert measured.label == "<lambda>"


def test_uses_the_threads_that_torch_is_set_to():
    before, seen = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        time_call(lambda: seen.add(torch.get_num_threads()), 0.001)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {2}


def test_uses_the_threads_it_is_told():
    before, seen = torch.get_num_threads(), set()

    def look():
        seen.add((torch.get_num_threads(), numba.get_num_threads()))

    assert time_call(look, 0.001, threads=1).threads == 1
    compare(look, look, stop=Stop(1), threads=1)
    assert seen == {(1, 1)}
    assert torch.get_num_threads() == before


def test_waiting_for_a_core_is_counted_and_taken_off(tmp_path, monkeypatch):
    file = tmp_path / "schedstat"
    file.write_text("5 2000000000 7\n")
    monkeypatch.setattr(clocks, "SCHEDULE", str(file))
    with clocks.core_waits() as waited:
        assert waited() == 2
    file.write_text("")
    with clocks.core_waits() as waited:
        assert waited() == 0
    monkeypatch.setattr(clocks, "SCHEDULE", str(tmp_path / "none"))
    with clocks.core_waits() as waited:
        assert waited() == 0
    # Of 3 ms on the clock, 1 ms was waiting.
    times, lost = iter([0.0, 3e-3]), iter([10.0, 10.001])
    took = _block(lambda: None, 1, lambda: next(times), lambda: next(lost))
    assert took == pytest.approx(2e-3)


def test_waiting_for_threads_of_its_own_is_not_taken_off(monkeypatch):
    times, lost = iter([0.0, 3e-3]), iter([10.0, 10.001])
    others = iter([0.0, 2e-3])
    monkeypatch.setattr(comparison, "others_ran", lambda: next(others))
    took = _block(lambda: None, 1, lambda: next(times), lambda: next(lost))
    assert took == pytest.approx(3e-3)


def test_load_and_clock_are_recorded():
    timing = time_call(lambda: sum(range(100)), 0.2, device="cpu")
    assert timing.load is None or timing.load >= 0
    assert timing.clock_mhz is None or timing.clock_mhz > 0
    assert timing.device == "cpu"


@pytest.mark.parametrize("called", [time_call, lambda f: compare(f, f)])
def test_an_error_of_the_function_comes_through(called):
    with pytest.raises(ZeroDivisionError):
        called(lambda: 1 / 0)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transfers": "out"}, "none, in, in and out, got 'out'"),
        ({"precision": 0}, "between 0 and 1, got 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_wrong_options_say_so(options, message):
    with pytest.raises(ValueError, match=message):
        time_call(int, **options)
    options = dict(options)
    stop = Stop(precision=options.pop("precision", 0.02))
    with pytest.raises(ValueError, match=message):
        compare(int, int, stop=stop, **options)


@pytest.mark.parametrize(
    ("name", "made"), [("pairs", Stop), ("best_of", Blocks)]
)
def test_no_pairs_is_an_error(name, made):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        made(**{name: 0})


# GPUs


def test_a_gpu_is_waited_for():
    with fake_cuda() as gpu:
        a = torch.ones(4, 4, device="cuda")
        timing = time_call(lambda: a @ a, 0.002)
        assert gpu.running == 0
        assert timing.device == "not stated"
        two = {"stop": Stop(2)}
        compare(lambda: a @ a, lambda: a + a, **two, device="cuda")
        assert gpu.running == 0
        waits, launches = gpu.waits, gpu.launches
        compare(
            lambda: a @ a, lambda: a + a, **two, blocks=Blocks(warm_up_s=0)
        )
        # Waited for before and after each block, not for each kernel.
        assert gpu.launches - launches == 12
        assert gpu.waits - waits <= 2 * 12 + 5


def test_numba_s_gpu_is_waited_for(monkeypatch):
    from gpu_course import cuda

    waits = []
    monkeypatch.setattr(cuda, "synchronize", lambda: waits.append(1))
    clocks.now()
    assert waits == [1]


def test_a_launch_on_the_teaching_gpu_is_timed():
    from gpu_course import cuda

    @cuda.jit
    def double(x):
        i = cuda.grid(1)
        if i < x.size:
            x[i] *= 2

    x = np.zeros(64, np.float32)
    timing = time_call(lambda: double[2, 32](x), 0.01, label="double")
    assert timing.median_s > 0
    assert timing.device == "cpu"


# What comparing is worth: minutes, on a machine with a busy core


@numba.njit
def work(steps):
    """Steps that depend on each other, so that none is saved."""
    x = np.uint32(1)
    for _ in range(steps):
        x = np.uint32(x * np.uint32(1664525) + np.uint32(1013904223))
        x ^= x >> np.uint32(3)
    return x


def verdicts(ratio, runs, seconds=1e-3, limit_s=2.5):
    """Compare work with `ratio` times the work, while a core is busy.

    Returns
    -------
    list of Comparison
        Labels "a", the one with more work, and "b".
    """
    work(1)
    fastest = min(time_call(lambda: work(100_000)).times) / 100_000
    steps = int(seconds / fastest)
    more = int(ratio * steps)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        return [
            compare(
                lambda: work(more),
                lambda: work(steps),
                ("a", "b"),
                blocks=Blocks(seed=seed),
                stop=Stop(max_run_time_s=limit_s),
                device="cpu",
            )
            for seed in range(runs)
        ]
    finally:
        busy.kill()
        busy.wait()


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seconds", [1e-3, 5e-3])
def test_100_runs_of_the_same_and_100_of_a_fifth_more(seconds):
    same = verdicts(1.0, 100, seconds)
    more = verdicts(1.2, 100, seconds)
    none = [one.faster for one in same].count(None)
    found = [one.faster for one in more].count("b")
    ratios = sorted(one.ratio for one in more)
    widths = sorted(one.high - one.low for one in same)
    print(
        f"\ncalls of {duration(seconds)}: no difference in {none} of 100, "
        f"1.2 times found in {found} of 100; their ratios {ratios[5]:.3f} to "
        f"{ratios[94]:.3f}; median interval {widths[50]:.3f} wide; others "
        f"kept {more[0].b.load} to {more[-1].b.load} cores busy"
    )
    assert none >= 95
    assert found >= 90


def test_no_garbage_is_collected_within_a_block():
    seen = set()

    def look():
        seen.add(gc.isenabled())

    compare(look, look, stop=Stop(2), blocks=ONE)
    assert seen == {False}
    assert gc.isenabled()


def timing_with(iqr, load=None):
    """Return the timing of calls whose quartiles lie so far apart."""
    times = [1 - iqr / 2] * 15 + [1.0] * 10 + [1 + iqr / 2] * 15
    around = SimpleNamespace(load=load, clock_mhz=None)
    return timing_of("a", times, 40, "cpu", 1, "none", around, None)


@pytest.mark.parametrize(
    ("iqr", "load", "words"),
    [
        (0.09, 1.0, None),
        (0.11, None, "noisy: half of the times spread over 11% of"),
        (0.11, 0.4, "noisy"),
        (0.11, 0.6, "other programs kept 0.6 cores busy"),
    ],
)
def test_where_a_warning_begins(iqr, load, words):
    timing = timing_with(iqr, load)
    assert timing.iqr_s == pytest.approx(iqr)
    if words is None:
        assert timing.warning is None
    else:
        assert words in timing.warning
        assert ("close them" in timing.warning) is (load == 0.6)
