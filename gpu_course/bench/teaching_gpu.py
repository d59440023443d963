"""Benchmark the teaching GPU's executors, Numba's simulator and NumPy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gpu_course
from gpu_course.bench.teaching_gpu_cases import CASES, check, launch
from gpu_course.cuda.backend import forced
from gpu_course.timing.comparison import Stop, compare
from gpu_course.timing.timer import time_call

if TYPE_CHECKING:
    from gpu_course.bench.teaching_gpu_cases import Case


EXECUTORS = ("compiled", "traced", "python")
IN_TURN = Stop(min_run_time_s=0.2, max_run_time_s=1.0)
LONG_S = 0.5  # a call that takes longer is timed once
GOALS = ("tiled_matmul", "convolution", "convolution_channels")
GROWN = "convolution_channels"
GROWTH = (1, 10, 100, 1000, 10_000)  # images, of 576 threads each
OURS = "from gpu_course.bench import teaching_gpu as ours; ours."
SIMULATE = OURS + "simulate()"
FIRST = OURS + "time_first_launch()"


def bench_kernels(
    report: Callable[[str], Any] = print, scale: float = 1.0
) -> dict[str, Any]:
    """Time every kernel on every executor, the simulator and NumPy.

    Results are compared with NumPy's before anything is timed. Every executor
    gets the same launch, small enough for the simulator to finish. Compiled
    code and NumPy run the full size as well.

    Parameters
    ----------
    report : callable
        Called with each line of text.
    scale : float
        Factor of the sizes; below 1 in tests.

    Returns
    -------
    dict
        ``kernels`` has a row for each kernel; ``goals`` has the figures that
        the README states.
    """
    report("Numba's simulator goes first, alone ...")
    simulated = json.loads(
        child(SIMULATE, str(scale), NUMBA_ENABLE_CUDASIM="1")
    )
    rows = []
    report(HEADER)
    for case in CASES:
        rows.append(bench_case(case, simulated.get(case.name), scale))
        report(line(rows[-1]))
    report(NOTE)
    full = [row for row in rows if row["kernel"] in GOALS]
    full_s = {row["kernel"]: row["full_seconds"]["compiled"] for row in full}
    for row in full:
        took = 1e3 * full_s[row["kernel"]]
        report(f"{row['kernel']} of {row['full_size']}: {took:.1f} ms")
    goals = {
        "full_seconds": full_s,
        "first_launch_s": first_launches(report),
        **events_per_second(report, scale),
        "growth": growth(report, scale),
    }
    return {"kernels": rows, "goals": goals}


def bench_case(
    case: Case, simulator_s: float | None, scale: float
) -> dict[str, Any]:
    """Return the row of one kernel: seconds at two sizes, and ratios."""
    small, full = (case.make(size) for size in case.sizes(scale))
    seconds: dict[str, Any] = {}
    for executor in EXECUTORS:
        with forced(executor):
            check(small)
            seconds[executor] = seconds_of(lambda: launch(small))
    seconds["simulator"] = simulator_s
    seconds["numpy"] = seconds_of(small.numpy)
    with forced("compiled"):
        check(full)
        in_turn = compare(
            full.numpy,
            lambda: launch(full),
            ("numpy", "compiled"),
            stop=IN_TURN,
        )
    full_seconds = {
        "compiled": in_turn.b.median_s,
        "numpy": in_turn.a.median_s,
    }
    compiled = seconds["compiled"]
    rate = full_seconds["compiled"] / full.work
    return {
        "kernel": case.name,
        "size": small.size,
        "threads": small.threads,
        "seconds": seconds,
        "full_size": full.size,
        "full_threads": full.threads,
        "full_seconds": full_seconds,
        "plain_over_compiled": seconds["python"] / compiled,
        "simulator_over_compiled": simulator_s and simulator_s / compiled,
        "simulator_over_compiled_at_full_size": simulator_s
        and simulator_s / small.work / rate,
        "numpy_over_compiled_at_full_size": in_turn.ratio,
        "numpy_over_compiled_interval": [in_turn.low, in_turn.high],
    }


def seconds_of(function: Callable[[], Any]) -> float:
    """Return the median time of a call, or one time if the call is long."""
    start = time.perf_counter()
    function()
    first = time.perf_counter() - start
    return first if first > LONG_S else time_call(function).median_s


# Text

NAMES = ("compiled", "traced", "python", "simulator", "numpy")
HEADER = (
    f"{'ns a thread':<21}{'threads':>7}"
    + "".join(f"{name:>10}" for name in NAMES)
    + f"{'full size':>14}{'compiled':>9}{'numpy':>7}"
    + f"{'plain/c':>9}{'sim/c':>8}{'sim/c full':>11}{'numpy/c full':>13}"
)
NOTE = """\
Nanoseconds a thread of one launch on all executors, results equal to NumPy's
bits, then of the full size. The last columns are times over compiled's: for
that launch with all its overhead, or per thread (matmul: per multiply-add) at
the full size. It is a CPU's time throughout and says nothing of a GPU."""


def line(row: dict[str, Any]) -> str:
    """Return a row as text."""
    cells = [f"{row['kernel']:<21}{row['threads']:>7,}"]
    for name in NAMES:
        cells.append(number(row["seconds"][name], row["threads"], ",.0f", 10))
    cells.append(f"{row['full_size']:>14}")
    for name, width in (("compiled", 9), ("numpy", 7)):
        seconds = row["full_seconds"][name]
        cells.append(number(seconds, row["full_threads"], ".1f", width))
    for name, form, width in (
        ("plain_over_compiled", ",.0f", 9),
        ("simulator_over_compiled", ",.0f", 8),
        ("simulator_over_compiled_at_full_size", ",.0f", 11),
        ("numpy_over_compiled_at_full_size", ".2f", 13),
    ):
        cells.append(number(row[name], 1e9, form, width))
    return "".join(cells)


def number(
    seconds: float | None, threads: float, form: str, width: int
) -> str:
    """Return nanoseconds a thread, right-aligned."""
    text = "-" if seconds is None else format(1e9 * seconds / threads, form)
    return f"{text:>{width}}"


# Other processes


def simulate() -> None:
    """Check and time each case in Numba's simulator; print the seconds.

    This runs in its own process, because Numba chooses the simulator at
    import. The kernels are the same file with Numba's import.
    """
    from gpu_course.bench.teaching_gpu_cases import simulator_kernels

    scale, seconds = float(sys.argv[1]), {}
    kernels = simulator_kernels()
    for case in CASES:
        if case.simulated:
            made = case.make(case.sizes(scale)[0])
            start = time.perf_counter()
            launch(made, kernels)
            seconds[case.name] = time.perf_counter() - start
            check(case.make(case.sizes(scale)[0]), kernels)
    print(json.dumps(seconds))


def time_first_launch() -> None:
    """Print the seconds of a first launch, without imports, and its threads.

    The arguments are a kernel's name and ``whole`` or ``block``: how much
    of its small size is launched.
    """
    name, what = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    made = case.make(case.unit if what == "block" else case.sizes(1)[0])
    start = time.perf_counter()
    launch(made)
    print(time.perf_counter() - start, made.threads)


def child(code: str, *arguments: str, **environment: str) -> str:
    """Run a line of Python in another process; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(gpu_course.__file__).parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{code} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def first_launches(
    report: Callable[[str], Any], name: str = "tiled_matmul"
) -> dict[str, float]:
    """Time the first launch of a kernel in fresh processes.

    Plain Python is for small launches, so one block is timed: first with
    nothing on the disk, then with the types that the process before left
    there.
    """
    result, told = {}, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for what, executor, size in (
            ("plain", "python", "block"),
            ("plain, types on disk", "python", "block"),
            ("compiled", "compiled", "whole"),
            ("disk cache", "compiled", "whole"),
        ):
            data = Path(folder, executor)
            seconds, threads = child(
                FIRST,
                name,
                size,
                GPU_COURSE_CUDA=executor,
                GPU_COURSE_DATA=str(data),
            ).split()
            result[what] = float(seconds)
            told.append(
                f"{what} ({int(threads):,} threads) "
                f"{1e3 * result[what]:,.0f} ms"
            )
    report(
        f"first launch of {name} in a process, without imports: "
        + ", ".join(told)
    )
    return result


# Rates


def events_per_second(
    report: Callable[[str], Any], scale: float = 1.0
) -> dict[str, float]:
    """Time traces and their analysis; an event is a row of the record."""
    events, seconds = 0, 0.0
    for case in CASES:
        made = case.make(case.sizes(scale)[0])
        start = time.perf_counter()
        traced = made.traced()
        assert not traced.findings, traced.findings[0]
        assert traced.lines
        seconds += time.perf_counter() - start
        events += len(traced.record.site)
    report(
        f"traced: {events:,} events of all kernels in {seconds:.2f} s, "
        f"analysis included: {events / seconds:,.0f} a second"
    )
    return {"traced_events": events, "traced_events_per_s": events / seconds}


def growth(
    report: Callable[[str], Any], scale: float = 1.0
) -> dict[str, list]:
    """Time a compiled kernel over four decades of threads.

    Returns
    -------
    dict
        ``threads`` and ``seconds``; ``over_tenth``, the time divided by that
        of a tenth of the threads. 10 is linear; it is less where the launch
        itself takes a large share.
    """
    case = next(c for c in CASES if c.name == GROWN)
    threads, seconds = [], []
    for images in GROWTH:
        made = case.make(max(1, int(images * scale)))
        with forced("compiled"):
            threads.append(made.threads)
            launch(made)
            seconds.append(seconds_of(partial(launch, made)))
    ratios = [b / a for a, b in pairwise(seconds)]
    report(f"compiled {GROWN}, by threads:")
    for t, s, ratio in zip(threads, seconds, [None, *ratios], strict=True):
        told = f", {ratio:.1f} times a tenth of them" if ratio else ""
        report(f"{t:>12,} {1e3 * s:>10.3f} ms{told}")
    return {"threads": threads, "seconds": seconds, "over_tenth": ratios}
