"""Our kernels become those of numba.cuda: same source, same PTX."""

import re
import types as python_types
from pathlib import Path

import cuda_native_kernels as ours
import numpy as np
import pytest
from cuda_correct import CORRECT
from numba import typeof, types

from gpu_course import cuda
from gpu_course.cuda import compiler
from gpu_course.cuda.random import xoroshiro128p_type
from gpu_course.cuda.random import xoroshiro128p_uniform_float32 as uniform

pytestmark = pytest.mark.skipif(
    compiler.missing() is not None, reason=str(compiler.missing())
)
CC = (8, 0)
FLAT, FLOAT64 = types.float32[::1], types.float64[::1]
MATRIX = types.float32[:, ::1]
HALF = types.float16[::1]
KERNELS = {
    "matmul": (MATRIX, MATRIX, MATRIX),
    "warps": (FLAT, FLAT),
    "whole_grid": (FLAT,),
    "half": (HALF, HALF),
    "draw": (xoroshiro128p_type[::1], FLOAT64),
    "scaled": (FLAT,),
}


@pytest.fixture(scope="module")
def theirs():
    """The same source with the other import, run as a module."""

    text = Path(ours.__file__).read_text()
    assert text.count("from gpu_course import cuda\n") == 1
    text = text.replace("from gpu_course import", "from numba import")
    text = text.replace(
        "import cuda\n", "import cuda\nimport numba.cuda.random\n"
    )
    module = python_types.ModuleType(ours.__name__)
    exec(compile(text, ours.__file__, "exec"), vars(module))
    return module


COUNTED = r"\b_(?:ZN|cudapy_)\w+"


def plain(ptx):
    """Return PTX with the names that hold a counter numbered in order."""
    names = dict.fromkeys(re.findall(COUNTED, ptx))
    numbers = {name: f"name{i}" for i, name in enumerate(names)}
    return re.sub(COUNTED, lambda m: numbers[m[0]], ptx)


@pytest.mark.parametrize("name", KERNELS)
def test_the_ptx_is_that_of_numbas_own_kernel(theirs, name):
    kernel = getattr(theirs, name)
    with compiler.as_if_on(CC) as dispatcher:
        made = dispatcher._Kernel(
            kernel.py_func, KERNELS[name], **kernel.targetoptions
        )
        expected = made.library.get_asm_str(CC)
    found = getattr(ours, name).inspect_ptx(CC, KERNELS[name])
    assert plain(found) == plain(expected)
    assert ".entry" in found


def native(kernel, **options):
    from gpu_course.cuda.native import native

    return native(kernel, **options).py_func


def test_the_code_is_the_same_object():
    function = native(ours.matmul)
    assert function.__code__ is ours.matmul.py_func.__code__
    assert function.__name__ == "matmul"
    assert function.__globals__ is not ours.matmul.py_func.__globals__
    assert ours.matmul.py_func.__globals__["cuda"] is cuda  # left alone


def test_defaults_and_options_go_along():
    from gpu_course.cuda.native import native

    @cuda.jit(fastmath=True, max_registers=40)
    def kernel(x, n=3):
        x[n] = 1

    form = native(kernel, lineinfo=True)
    assert form.py_func.__defaults__ == (3,)
    given = {"fastmath": True, "max_registers": 40, "lineinfo": True}
    assert given.items() <= form.targetoptions.items()


grid, barrier = cuda.grid, cuda.syncthreads
captured = cuda.to_device(np.arange(4, dtype=np.float32))


@cuda.jit
def aliases(x):
    barrier()
    x[grid(1)] = uniform(x, 0)


def test_names_imported_alone_are_numbas():
    import numba.cuda.random

    found = native(aliases).__globals__
    assert found["grid"] is numba.cuda.grid
    assert found["barrier"] is numba.cuda.syncthreads
    theirs = numba.cuda.random.xoroshiro128p_uniform_float32
    assert found["uniform"] is theirs


@cuda.jit
def by_module(x):
    x[0] = ours.fourth(x[0]) + captured[1]


def test_device_functions_of_another_module_are_exchanged():
    found = native(by_module).__globals__
    assert found["ours"] is not ours
    assert found["ours"].WIDTH == ours.WIDTH
    assert found["captured"] is captured.array
    assert isinstance(ours.fourth, cuda.DeviceFunction)
    assert "mul.f32" in by_module.inspect_ptx(CC, (FLAT,))


def test_a_device_function_is_made_once_for_all_its_callers():
    @cuda.jit
    def twice(x):
        x[0] = ours.square(x[0])
        x[1] = ours.fourth(x[1])

    found = native(twice).__globals__["ours"]
    assert found.square is found.fourth.py_func.__globals__["square"]


def test_what_is_not_ours_stays():
    function = native(ours.whole_grid)
    assert function.__globals__["TABLE"] is ours.TABLE
    assert function.__globals__["math"] is ours.math


def test_an_intrinsic_is_found_under_each_of_its_names():
    """Each name of the kernel API is there in numba.cuda."""
    import operator

    import numba.cuda

    from gpu_course.cuda.intrinsics import TABLE, Intrinsic

    def names(one):
        children = [c for c in vars(one).values() if isinstance(c, Intrinsic)]
        return [one.name, *(n for child in children for n in names(child))]

    for one in TABLE.values():
        for name in names(one):
            operator.attrgetter(name)(numba.cuda)


def test_a_signature_of_a_device_function_counts():
    @cuda.jit("float32(float32)", device=True)
    def narrow(x):
        return x + 1

    @cuda.jit
    def kernel(x):
        x[0] = narrow(x[1])

    ptx = kernel.inspect_ptx(CC, (FLOAT64,))
    assert re.search(r"cvt\.rn\.f32\.f64", ptx)


@pytest.mark.parametrize("name", CORRECT)
def test_the_suite_of_correct_kernels_is_fit_for_a_gpu(name):
    entry = CORRECT[name]
    kinds = tuple(typeof(value) for value in entry.arguments)
    assert entry.kernel.resources(CC, kinds).registers > 0
