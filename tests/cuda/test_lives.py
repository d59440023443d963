"""Names with several lives, waits in every place, guards that are kept.

Each generated kernel runs in plain Python, traced, and as work-item loops, and
must give what `lockstep_oracle`, which shares no code with them, works out.
The loops are Python that Numba compiles. Compiling takes most of the time, so
the loops of each kernel run as the Python that they are, and those of every
fifth are compiled as well: every twentieth in the daily run.

``gpu-course test -- -m long tests/cuda/test_lives.py`` is the long run.
"""

import random

import numpy as np
import pytest
from cuda_lives import CASES, THREADS
from generated_kernels import imported
from generated_lives import Lives
from lockstep_oracle import Oracle
from numba import typeof

from gpu_course.cuda import primitives
from gpu_course.cuda.launch import Version

EVERY_DAY, LONG, IN_A_PART = 300, 5000, 20
EACH_DAY, COMPILE_EACH = 20, 5


def fill(value):
    def filled(array):
        array[...] = value

    return filled


def at(array, axis, index, *_):
    size = array.shape[axis]
    assert -size <= index < size, (index, size)
    return int(index)


def lane(here, me, wanted):
    other = int(me) // 32 * 32 + int(wanted)
    inside = 0 <= wanted < 32 and other < here.size
    return other if inside and here[other] else me


class Widened(np.ndarray):
    """An array whose numbers are Python's: Numba's int32 * int32 is int64."""

    def __getitem__(self, index):
        value = super().__getitem__(index)
        return int(value) if isinstance(value, np.integer) else value


# What the loops call that only Numba can run
IN_PYTHON = {
    "_int32": np.int64,
    "_poll": lambda *_: None,
    "_at": at,
    "_lane": lane,
    "_clear": fill(0),
    "_set": fill(1),
    "_copy": lambda to, source: fill(source)(to),
    "_njit": lambda function: function,
    "_entry": lambda function: function,
}


def interpreted(program, case, arguments):
    """Run a kernel's work-item loops without compiling them."""
    space = {**primitives.names(), **program.space, **IN_PYTHON}
    exec(program.text, space)
    blocks, threads = case.configuration
    scratch = []
    for where, shape, dtype in program.scratch.values():
        assert where in ("block", "thread")
        whole = (threads, *shape) if where == "thread" else shape
        array = np.zeros(whole, dtype)
        narrow = array.dtype.kind in "iu" and array.itemsize < 8
        scratch.append(array.view(Widened) if narrow else array)
    masks = [np.ones(threads, np.bool_) for _ in range(2)]
    words, pool = np.zeros(8, np.int64), np.zeros(0, np.uint8)
    with np.errstate(over="ignore"):
        space["_launch"](
            0,
            blocks,
            threads,
            1,
            1,
            blocks,
            1,
            1,
            words,
            *masks,
            pool,
            *arguments,
            *scratch,
        )


def assert_same(got, right, case, executor):
    for one, other in zip(got, right, strict=True):
        np.testing.assert_array_equal(one, other, f"{executor}\n{case.source}")


def check_kernels(seeds, folder, monkeypatch, compile_each=COMPILE_EACH):
    """Run generated kernels; return what is refused by the compiler."""
    monkeypatch.setenv("GPU_COURSE_DATA", str(folder / "cache"))
    refused = []
    for seed in seeds:
        case = Lives(random.Random(seed)).draw()
        right = case.arguments()
        Oracle(case.source, case.constants).launch(
            "kernel", *case.configuration, right
        )
        kernel = imported(folder, f"lives{seed}", case.source).kernel
        executors = ["python", "traced"]
        kinds = tuple(map(typeof, case.arguments()))
        version = Version(kernel.py_func, kinds)
        program = version.program()
        if program is None:
            refused.append(str(version._refused))
        else:
            got = case.arguments()
            interpreted(program, case, got)
            assert_same(got, right, case, f"seed {seed}, loops")
            if seed % compile_each == 0:
                executors.append("compiled")
        for executor in executors:
            monkeypatch.setenv("GPU_COURSE_CUDA", executor)
            got = case.arguments()
            kernel[case.configuration](*got)
            assert_same(got, right, case, f"seed {seed}, {executor}")
        monkeypatch.setenv("GPU_COURSE_CUDA", "")
        kernel.check[case.configuration](*case.arguments())
    return refused


@pytest.mark.parametrize("executor", ["python", "traced", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_by_arithmetic(name, executor, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    kernel, blocks, arguments, right = CASES[name]
    given = [a.copy() for a in arguments]
    kernel[blocks, THREADS](*given)
    np.testing.assert_allclose(given[-1], right, rtol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_each_is_compiled_and_without_a_finding(name, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "")
    kernel, blocks, arguments, _ = CASES[name]
    assert "_launch" in kernel.lowered(*arguments)
    report = kernel.trace[blocks, THREADS](*[a.copy() for a in arguments])
    assert not report.findings, report.findings


def parts(first, last):
    return pytest.mark.parametrize("first", range(first, last, IN_A_PART))


@parts(0, EVERY_DAY)
def test_generated_kernels(first, tmp_path, monkeypatch):
    seeds = range(first, first + IN_A_PART)
    assert check_kernels(seeds, tmp_path, monkeypatch, EACH_DAY) == []


@pytest.mark.long
@parts(EVERY_DAY, LONG)
def test_many_generated_kernels(first, tmp_path, monkeypatch):
    seeds = range(first, first + IN_A_PART)
    assert check_kernels(seeds, tmp_path, monkeypatch) == []


def test_the_oracle_refuses_what_a_kernel_must_not_do():
    source = "def kernel(x):\n    if cuda.threadIdx.x < 3:\n        {}\n"
    for statement in ("cuda.syncthreads()", "cuda.syncwarp()", "x[70] = 1"):
        oracle = Oracle(source.format(statement), {})
        with pytest.raises(AssertionError):
            oracle.launch("kernel", 1, THREADS, [np.zeros(THREADS)])
