"""Kernels are launched, traced and compiled from several threads at once."""

import threading

import numpy as np
import pytest
from generated_kernels import imported
from numba.cpython import numbers

from gpu_course.cuda import arithmetic, backend

HEAD = "import math\nfrom gpu_course import cuda\n"
KERNEL = """

@cuda.jit(device=True)
def device{n}(value, i):
    return value * {factor} + i


@cuda.jit
def kernel{n}(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = device{n}(x[i] * {other}, i) + int(math.sqrt(i * i))
"""
DTYPES = (np.int64, np.float64, np.float32, np.int32)


def together(functions):
    """Call functions at once, each on a thread; return what they gave."""
    start, ended = threading.Barrier(len(functions)), [None] * len(functions)

    def run(place):
        start.wait()
        try:
            ended[place] = functions[place]()
        except BaseException as error:
            ended[place] = error

    threads = [
        threading.Thread(target=run, args=(k,)) for k in range(len(functions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def numbered(count):
    return [
        KERNEL.format(n=n, factor=n % 5 + 2, other=n % 3 + 1)
        for n in range(count)
    ]


@pytest.mark.parametrize("executor", ["python", "compiled", "traced"])
def test_first_launches_from_four_threads(executor, tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    count = 32  # 96 with the three executors
    module = imported(
        tmp_path, f"m_{executor}", HEAD + "".join(numbered(count))
    )

    def launch(n):
        x = np.arange(40, dtype=DTYPES[n % 4])
        getattr(module, f"kernel{n}")[2, 32](x)
        return x

    for first in range(0, count, 4):
        chosen = range(first, first + 4)
        got = together([lambda n=n: launch(n) for n in chosen])
        for n, x in zip(chosen, got, strict=True):
            assert isinstance(x, np.ndarray), x
            i = np.arange(40)
            right = i.astype(DTYPES[n % 4]) * (n % 3 + 1) * (n % 5 + 2) + 2 * i
            np.testing.assert_array_equal(x, right)


def test_one_kernel_launched_and_traced_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    kernel = imported(
        tmp_path, "m_one", HEAD + KERNEL.format(n=0, factor=3, other=2)
    ).kernel0

    def launch():
        x = np.arange(64)
        kernel[2, 32](x)
        return x

    def trace():
        return kernel.trace[2, 32](np.arange(64)).global_requests

    *launched, one, two = together([launch, launch, trace, trace])
    for x in launched:
        np.testing.assert_array_equal(x, np.arange(64) * 8)
    assert one == two == 4  # two warps, one load and one store


def test_compiling_at_once_leaves_numba_as_it_was():
    before = numbers._int_arith_flags
    inside = []

    def wrapped():
        with arithmetic.wrapping():
            inside.append(numbers._int_arith_flags("add"))
            threading.Event().wait(0.02)
            inside.append(numbers._int_arith_flags("add"))

    assert together([wrapped] * 4) == [None] * 4
    assert inside == [[]] * 8
    assert numbers._int_arith_flags is before


def test_an_executor_is_forced_for_one_thread_and_put_back(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "traced")
    with backend.forced("python"):
        assert backend.choice() == "python"
        assert together([backend.choice]) == ["traced"]
        with backend.forced("compiled"):
            assert backend.choice() == "compiled"
        assert backend.choice() == "python"
    assert backend.choice() == "traced"
