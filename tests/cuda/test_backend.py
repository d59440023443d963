"""Which executor runs launches: a GPU is used if it works, and only then."""

import ctypes
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from gpu_course.cuda import backend


@pytest.fixture(autouse=True)
def untried(monkeypatch):
    """A process that has not looked for a GPU, in either direction."""
    monkeypatch.delenv("GPU_COURSE_CUDA", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    backend.try_gpu.cache_clear()
    yield
    backend.try_gpu.cache_clear()


def driver(monkeypatch, init=0, count=1):
    """Put a driver in place that answers with a code and a count."""

    def get_count(pointer):
        pointer._obj.value = count
        return 0

    library = SimpleNamespace(
        cuInit=lambda flags: init, cuDeviceGetCount=get_count
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)


class Module:
    """A ``numba.cuda`` whose kernels do as ``compute`` says."""

    def __init__(self, compute):
        self.compute = compute
        self.launched = 0

    def jit(self, function):
        return self

    def __getitem__(self, configuration):
        self.launched += 1
        return self.compute

    def to_device(self, array):
        copy = array.copy()
        copy_back = SimpleNamespace(numbers=copy)
        copy_back.copy_to_host = lambda: copy_back.numbers
        return copy_back


def square(device_array):
    device_array.numbers = device_array.numbers**2


def module(monkeypatch, compute):
    import numba

    made = Module(compute)
    monkeypatch.setitem(sys.modules, "numba.cuda", made)
    monkeypatch.setattr(numba, "cuda", made, raising=False)
    return made


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("", None),
        (" ", None),
        ("gpu", "gpu"),
        ("Compiled", "compiled"),
        ("TRACED ", "traced"),
        ("python", "python"),
    ],
)
def test_the_choice_is_read(monkeypatch, value, meant):
    monkeypatch.setenv("GPU_COURSE_CUDA", value)
    assert backend.choice() == meant


def test_a_bad_choice_is_an_error(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "cpu")
    expected = "one of gpu, compiled, traced, python, .* got 'cpu'"
    with pytest.raises(ValueError, match=expected):
        backend.choice()
    with pytest.raises(ValueError, match=expected):
        backend.gpu()


def test_a_gpu_that_computes_is_used_and_tried_once(monkeypatch):
    driver(monkeypatch)
    made = module(monkeypatch, square)
    assert backend.gpu() is made
    assert backend.uses_gpu()
    assert made.launched == 1


@pytest.mark.parametrize("asked", ["compiled", "traced", "python"])
def test_another_choice_doesnt_touch_the_gpu(monkeypatch, asked):
    driver(monkeypatch)
    made = module(monkeypatch, square)
    monkeypatch.setenv("GPU_COURSE_CUDA", asked)
    assert backend.gpu() is None
    assert made.launched == 0
    monkeypatch.setenv("GPU_COURSE_CUDA", "gpu")
    assert backend.gpu() is made


def wrong(device_array):
    device_array.numbers = np.zeros_like(device_array.numbers)


def fails(device_array):
    raise OSError("the provided PTX was compiled with\nan unsupported tool")


@pytest.mark.parametrize(
    ("compute", "reason"),
    [(wrong, "wrong squares"), (fails, "OSError: the provided PTX")],
)
def test_a_gpu_that_fails_counts_as_absent(monkeypatch, compute, reason):
    driver(monkeypatch)
    module(monkeypatch, compute)
    with pytest.warns(UserWarning, match=f"first operation .*{reason}"):
        assert backend.gpu() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert backend.gpu() is None  # said once
    monkeypatch.setenv("GPU_COURSE_CUDA", "gpu")
    with pytest.raises(RuntimeError, match=reason):
        backend.gpu()


def test_a_gpu_without_the_package_is_said(monkeypatch):
    driver(monkeypatch)
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.warns(UserWarning, match="pip install"):
        assert backend.gpu() is None


def test_a_driver_that_doesnt_answer_is_said(monkeypatch):
    driver(monkeypatch, init=803)  # driver and library don't match
    with pytest.warns(UserWarning, match="error 803"):
        assert backend.gpu() is None


@pytest.mark.parametrize(("init", "count"), [(100, 0), (0, 0), (34, 0)])
def test_a_driver_without_a_gpu_is_no_fault(monkeypatch, init, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    driver(monkeypatch, init, count)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert backend.gpu() is None
    monkeypatch.setenv("GPU_COURSE_CUDA", "gpu")
    with pytest.raises(RuntimeError, match=r"CUDA_VISIBLE_DEVICES=''"):
        backend.gpu()


def test_there_is_no_driver_for_a_mac(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert backend.gpu() is None
    assert "darwin" in backend.count_gpus()[1]


def test_with_no_driver_it_is_quick_and_imports_nothing():
    code = (
        "import ctypes, sys, time\n"
        "from gpu_course.cuda import backend\n"
        "def absent(name): raise OSError(name)\n"
        "ctypes.CDLL = absent\n"
        "before, start = set(sys.modules), time.perf_counter()\n"
        "assert backend.gpu() is None\n"
        "assert time.perf_counter() - start < 0.05\n"
        "assert set(sys.modules) == before\n"
        "import gpu_course.cuda\n"
        "assert not {'numba.cuda', 'cuda.core'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
