"""Ctrl-C, and waits that can't end, never cost the reader their session."""

import inspect
import json
import linecache
import os
import re
import subprocess
import sys
from pathlib import Path

import cuda_interrupts
import numpy as np
import pytest

from gpu_course import cuda
from gpu_course.cuda import machine
from gpu_course.cuda.errors import LaunchError

EXECUTORS = ("python", "traced", "compiled")
SCRIPT = Path(__file__).with_name("cuda_interrupts.py")
ENDLESS = [n for n in vars(cuda_interrupts) if n.startswith("endless_")]


def started(what, executor, folder, seconds=90):
    """Run the script; return what it printed, a list of dicts."""
    environment = {
        **os.environ,
        "GPU_COURSE_CUDA": executor,
        "GPU_COURSE_DATA": str(folder),
    }
    try:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), what],
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        said, ended = done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        said, ended = (late.stdout or b"").decode(), False
    return [json.loads(line) for line in said.splitlines()], ended


def lines_of(function):
    lines, first = inspect.getsourcelines(function)
    return range(first, first + len(lines))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_ctrl_c_ends_any_kernel_and_names_its_line(executor, tmp_path):
    found, ended = started("kernels", executor, tmp_path)
    found = {k: v for one in found for k, v in one.items()}
    for name in ENDLESS:
        assert name in found, f"{name} never ended"
        what = found[name]
        assert what["seconds"] < 1, name
        said = re.fullmatch(
            r"interrupted in (\w+)(?: \(.*py, line (\d+): (.+)\))?",
            what["said"],
        )
        assert said, what["said"]
        kernel, line, text = said.groups()
        assert kernel == name
        function = getattr(cuda_interrupts, name).py_func
        if "device" in name:
            function = cuda_interrupts.forever.py_func
        # Between two threads of a big grid it is at no line.
        between = name == "endless_grid" and line is None
        assert between or int(line) in lines_of(function), what["said"]
        assert (
            between
            or text
            == linecache.getline(cuda_interrupts.__file__, int(line)).strip()
        )
        assert what["stopped"], f"{name} runs on"
        assert what["doubled"] == list(range(0, 16, 2))
    assert ended


def test_a_launch_beside_one_without_end(tmp_path):
    """Another thread's launch delays neither launches, Ctrl-C nor exit."""
    found, ended = started("beside", "compiled", tmp_path, 40)
    assert found[0] == {"doubled": list(range(0, 16, 2))}
    assert found[1]["main"]["seconds"] < 1
    assert "endless_for" in found[1]["main"]["said"]
    assert ended


@pytest.mark.parametrize("executor", ["python", "compiled"])
def test_an_interrupt_of_another_thread_ends_its_launch(executor, tmp_path):
    (found,), ended = started("elsewhere", executor, tmp_path, 40)
    assert found["seconds"] < 1
    assert "endless_while (" in found["said"]
    assert found["doubled"] == list(range(0, 16, 2))
    assert ended


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_launches_after_a_fork(tmp_path):
    found, ended = started("forked", "compiled", tmp_path, 40)
    assert found == [{"doubled": list(range(0, 16, 2))}]
    assert ended


# Waits that can't end


def spin(x):
    while x[0] == 0:
        pass
    x[1] = 1


def spin_on_an_atomic(x):
    while cuda.atomic.cas(x, 0, 0, 1) != 0:
        pass
    x[1] += 1


def spin_before_a_barrier(x):
    if cuda.threadIdx.x == 0:
        while x[0] == 0:
            pass
    cuda.syncthreads()


def some_reach_the_barrier(x):
    if cuda.threadIdx.x < 2:
        cuda.syncthreads()  # the barrier
    x[0] = 1


def two_barriers(x):
    if cuda.threadIdx.x < 2:
        cuda.syncthreads()  # the barrier
    else:
        cuda.syncthreads_count(1)
    x[0] = 1


def a_lane_that_never_comes(x):
    t = cuda.threadIdx.x
    if t < 2:
        x[t] = cuda.shfl_sync(0xF, t, 3)  # the shuffle
    else:
        cuda.syncthreads()
        cuda.syncwarp(0xF)
    cuda.syncthreads()


WAITS = {
    spin: ["while x[0] == 0"],
    spin_on_an_atomic: ["while cuda.atomic"],
    spin_before_a_barrier: ["while x[0] == 0", "syncthreads"],
    some_reach_the_barrier: ["# the barrier"],
    two_barriers: ["# the barrier", "count"],
    a_lane_that_never_comes: ["# the shuffle", "    cuda.syncthreads()"],
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("function", WAITS, ids=lambda f: f.__name__)
def test_a_wait_without_end_is_reported(
    function, executor, monkeypatch, tmp_path
):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    kernel = cuda.jit(function)
    with pytest.raises(LaunchError) as raised:
        kernel[2, 4](np.zeros(8, np.int64))
    name, line = re.search(r"(\w+), line (\d+)", str(raised.value)).groups()
    assert name == function.__name__
    lines, first = inspect.getsourcelines(function)
    assert any(t in lines[int(line) - first] for t in WAITS[function])
    assert "thread (" in str(raised.value)
    # It is no fault of the machinery's: where the wait ends, it runs.
    if function is spin:
        x = np.ones(8, np.int64)
        kernel[1, 4](x)
        assert x[1] == 1


def traced_while(x):
    while x[0] == 0:
        x[1] += 1


def traced_for(x):
    for i in range(10**12):
        x[1] += i


def traced_without_accesses(x):
    i = 1
    while i > 0:
        i = i % 7 + 1
    x[0] = i


@pytest.mark.parametrize(
    "function",
    [traced_while, traced_for, traced_without_accesses],
    ids=lambda f: f.__name__,
)
def test_a_trace_without_end_ends_by_itself(function, monkeypatch):
    monkeypatch.setattr(machine, "MOST_EVENTS", 5000)
    kernel = cuda.jit(function)
    with pytest.raises(LaunchError) as raised:
        kernel.trace[1, 4](np.zeros(4, np.int64))
    for part in (function.__name__, "5,000", "loop without end"):
        assert part in str(raised.value)
    with pytest.raises(LaunchError, match="loop without end"):
        kernel.check[1, 4](np.zeros(4, np.int64))
    # One that does end is none of its business.
    if function is traced_while:
        assert kernel.trace[1, 4](np.ones(4, np.int64)).global_requests == 1
