"""With a GPU, launches and host functions go to numba.cuda: tried on fakes.

The fakes are a module that records, and Numba's simulator in the GPU's place.
On a GPU itself, test_cuda_gpu.py runs.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba.cuda
import numpy as np
import pytest
from numba import float32, int64, typeof

from gpu_course import cuda
from gpu_course.cuda import backend, gpu, host


class Recorder:
    """A ``numba.cuda`` that notes what is done with it."""

    def __init__(self):
        self.made, self.launched = [], []

    def jit(self, *function, **options):
        if function and callable(function[0]):
            return Form(self, *function, None, options)
        return lambda inner: Form(self, inner, function[0], options)

    def __getattr__(self, name):
        if hasattr(numba.cuda, name):
            return lambda *args, **kwargs: (name, args, kwargs)
        raise AttributeError(name)


class Form:
    """A kernel of it."""

    typeof_pyval = staticmethod(typeof)

    def __init__(self, module, function, signature, options):
        self.module = module
        module.made.append((function, signature, options))

    def __getitem__(self, configuration):
        return lambda *given: self.module.launched.append(
            (configuration, given)
        )


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.delenv("GPU_COURSE_CUDA", raising=False)
    monkeypatch.setattr(backend, "try_gpu", lambda: (made, None))
    monkeypatch.setitem(sys.modules, "numba.cuda", made)
    return made


def axpy_kernel(*signature, **options):
    @cuda.jit(*signature, **options)
    def axpy(a, x, y):
        i = cuda.grid(1)
        if i < x.size:
            y[i] = a * x[i] + y[i]

    return axpy


def test_a_launch_goes_to_numba_with_its_arguments(recorder):
    axpy = axpy_kernel(fastmath=True)
    x = np.ones(4, np.float32)
    axpy[2, (32, 1), 7, 64](3, x, x)
    axpy[1, 4](3, x, x)
    ((function, signature, options),) = recorder.made  # once
    assert function.__code__ is axpy.py_func.__code__
    assert signature is None
    assert options == {"device": False, "fastmath": True}
    (first, given), second = recorder.launched
    assert first == (2, (32, 1), 7, 64)
    assert second[0] == (1, 4)
    assert given[0] == 3
    assert given[1] is x
    assert axpy.recorded == [(int64, float32[::1], float32[::1])]


def test_a_signature_goes_to_numba_too(recorder):
    signature = "void(float32, float32[:], float32[:])"
    axpy_kernel(signature)[1, 4](3, *np.ones((2, 4), np.float32))
    ((_, given, _),) = recorder.made
    assert given == signature


def test_arguments_are_what_numba_takes(recorder):
    torch = pytest.importorskip("torch")
    x = np.ones(4, np.float32)
    tensor = torch.ones(4)
    on_gpu = SimpleNamespace(
        __cuda_array_interface__={}, _numba_type_=typeof(x)
    )
    kernel = axpy_kernel()
    kernel[1, 4](1, cuda.DeviceArray(x), tensor)
    kernel[1, 4](1, on_gpu, x)
    (_, (_, first, second)), (_, (_, third, _)) = recorder.launched
    assert first is x
    assert isinstance(second, np.ndarray)
    second[0] = 5
    assert tensor[0] == 5  # the same memory: what comes back is seen
    assert third is on_gpu


def test_forall_and_what_a_launch_checks_stay(recorder):
    kernel = axpy_kernel()
    x = np.ones(100, np.float32)
    kernel.forall(100)(1, x, x)
    (blocks, threads, *_), _ = recorder.launched[0]
    assert blocks * threads >= 100
    with pytest.raises(ValueError, match="1024"):
        kernel[1, 2048](1, x, x)


def test_trace_check_and_lowered_stay_ours(recorder):
    kernel = axpy_kernel()
    x = np.ones(32, np.float32)
    assert kernel.trace[1, 32](2, x, x.copy()).findings == []
    kernel.check[1, 32](2, x, x.copy())
    assert "def " in kernel.lowered()
    assert recorder.launched == []


@pytest.mark.parametrize("name", sorted(host.API))
def test_each_host_function_is_numbas(recorder, name):
    assert getattr(cuda, name)("given", key=1) == (
        name,
        ("given",),
        {"key": 1},
    )


def test_another_choice_launches_here(recorder, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "python")
    x = np.ones(4, np.float32)
    axpy_kernel()[1, 4](3, x, x)
    assert recorder.launched == []
    assert (x == 4).all()


def test_a_gpu_that_is_asked_for_and_absent_is_an_error(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "gpu")
    monkeypatch.setattr(backend, "try_gpu", lambda: (None, "no driver"))
    x = np.ones(4, np.float32)
    with pytest.raises(RuntimeError, match=r"asks for a GPU .* no driver"):
        axpy_kernel()[1, 4](3, x, x)
    monkeypatch.delenv("GPU_COURSE_CUDA")
    with pytest.raises(RuntimeError, match="axpy: there is no GPU"):
        gpu.native_form(axpy_kernel())


def test_numbas_simulator_in_the_gpus_place():
    environment = {
        **os.environ,
        "NUMBA_ENABLE_CUDASIM": "1",
        "GPU_COURSE_CUDA": "gpu",
    }
    script = Path(__file__).parent / "cuda_gpu_path.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "the GPU's path works\n", done.stderr
