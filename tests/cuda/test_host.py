"""Streams, events, devices: on the teaching GPU, and handed to a GPU."""

import asyncio
import inspect
import subprocess
import sys
import time
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from gpu_course import cuda
from gpu_course.cuda import backend, host, kernel
from gpu_course.cuda.cg import this_grid


@pytest.fixture
def teaching(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


@pytest.fixture
def native(monkeypatch):
    """A stand-in for ``numba.cuda`` that says what was called."""

    def called(name):
        return lambda *args, **kwargs: (name, args, kwargs)

    module = SimpleNamespace(**{name: called(name) for name in host.API})
    module.gpus = ["first GPU", "second GPU"]
    monkeypatch.setattr(backend, "gpu", lambda: module)
    return module


@pytest.mark.parametrize("name", sorted(host.API))
def test_with_a_gpu_every_function_hands_over(name, native):
    assert getattr(cuda, name)(1, a=2) == (name, (1,), {"a": 2})


def test_with_a_gpu_the_devices_are_its(native):
    assert len(cuda.gpus) == 2
    assert cuda.gpus[1] == "second GPU"
    assert list(cuda.gpus) == native.gpus


@pytest.mark.parametrize("name", sorted(host.API))
def test_the_arguments_are_numba_s(name):
    theirs = getattr(pytest.importorskip("numba.cuda"), name)
    if inspect.isclass(theirs) or name in ("profiling", "mapped"):
        return  # a constructor, or keywords in **kws
    ours = inspect.signature(getattr(cuda, name))
    names = list(inspect.signature(theirs).parameters)
    assert [n for n in ours.parameters if n in names] == names


def test_streams(teaching):
    stream = cuda.stream()
    with stream.auto_synchronize() as same:
        there = cuda.to_device(np.arange(3), stream=stream)
    assert same is stream
    assert there.bind(stream).stream is stream
    stream.synchronize()
    cuda.synchronize()
    heard = []
    stream.add_callback(lambda *args: heard.append(args), "arg")
    assert heard == [(stream, 0, "arg")]
    handles = {
        int(make())
        for make in (
            cuda.default_stream,
            cuda.legacy_default_stream,
            cuda.per_thread_default_stream,
        )
    }
    assert len(handles) == 3
    with pytest.raises(RuntimeError, match="0x10 belongs to a GPU"):
        cuda.external_stream(16)


def test_a_stream_can_be_awaited(teaching):
    async def main():
        stream = cuda.stream()
        return await stream.async_done() is stream

    assert asyncio.run(main())


def test_events_measure_the_emulation(teaching):
    start, end = cuda.event(), cuda.event()
    start.record()
    time.sleep(0.02)
    end.record(cuda.stream())
    end.synchronize()
    end.wait()
    assert end.query()
    elapsed_ms = cuda.event_elapsed_time(start, end)
    assert 20 <= elapsed_ms < 20_000
    assert start.elapsed_time(end) == elapsed_ms
    with pytest.raises(RuntimeError, match="second event was not recorded"):
        cuda.event_elapsed_time(start, cuda.event())
    with pytest.raises(RuntimeError, match="first event has timing=False"):
        cuda.event_elapsed_time(cuda.event(timing=False), end)


def test_the_device_says_what_it_is(teaching):
    device = cuda.get_current_device()
    assert "teaching GPU" in device.name
    assert "teaching GPU" in repr(device)
    assert cuda.gpus[0] is device
    assert cuda.gpus.current is device
    assert list(cuda.list_devices()) == [device]
    assert cuda.select_device(0) is device
    assert cuda.current_context().device is device
    with cuda.gpus[0]:
        cuda.close()
    with pytest.raises(ValueError, match="device 0, got 1"):
        cuda.select_device(1)
    with pytest.raises(AttributeError, match="no CLOCK_RATE"):
        _ = device.CLOCK_RATE
    free, total = cuda.current_context().get_memory_info()
    assert 0 < free < total


def test_the_limits_are_those_that_launches_have(teaching):
    device = cuda.get_current_device()
    assert device.MAX_THREADS_PER_BLOCK == kernel.MAX_THREADS
    for axis, block, grid in zip(
        "XYZ", kernel.MAX_BLOCK, kernel.MAX_GRID, strict=True
    ):
        assert getattr(device, f"MAX_BLOCK_DIM_{axis}") == block
        assert getattr(device, f"MAX_GRID_DIM_{axis}") == grid


def test_the_names_of_the_limits_are_the_driver_s(teaching):
    driver = pytest.importorskip("cuda.bindings.driver")
    older = {"MAX_THREADS_PER_MULTI_PROCESSOR"}  # Numba's own spelling
    for name in vars(type(cuda.get_current_device())):
        if name.isupper() and name not in older:
            attribute = f"CU_DEVICE_ATTRIBUTE_{name}"
            assert hasattr(driver.CUdevice_attribute, attribute), name


def test_kernels_run_though_no_gpu_is_found(teaching, capsys):
    assert cuda.is_available()
    assert not cuda.detect()
    said = capsys.readouterr().out
    assert "Found 0 CUDA devices" in said
    assert "GPU_COURSE_CUDA is 'compiled'" in said
    assert "teaching GPU (emulated on the CPU)" in said


def test_what_has_nothing_to_do_here(teaching):
    with cuda.defer_cleanup(), cuda.profiling():
        cuda.profile_start()
        cuda.profile_stop()
    assert cuda.cuda_error() is None
    assert cuda.is_float16_supported()
    assert cuda.is_supported_version()


def test_other_names():
    assert cuda.float32 is numba.float32
    with pytest.raises(AttributeError, match="no 'threadIndex'"):
        _ = cuda.threadIndex


def test_the_import_is_cheap():
    heavy = ("numba.cuda", "torch", "matplotlib", "psutil", "asyncio")
    code = (
        "import sys, gpu_course.cuda; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True
    )
    assert done.stdout.strip() == b"[]"


def test_cooperative_groups_are_for_kernels():
    with pytest.raises(RuntimeError, match=r"cg.this_grid.*outside a kernel"):
        cuda.cg.this_grid()
    assert this_grid is cuda.cg.this_grid


@cuda.reduce
def largest(a, b):
    return a if a > b else b


def test_reduce(teaching):
    numbers = np.arange(1000) * 7 % 1000
    assert largest(numbers) == 999
    assert largest(numbers, init=5000) == 5000
    assert largest(cuda.to_device(numbers), size=3) == 14
    result = cuda.device_array(1, numbers.dtype)
    assert largest(numbers, res=result) is None
    assert result[0] == 999
    assert largest(np.zeros(0), init=3) == 3
    with pytest.raises(TypeError, match="got 2-D"):
        largest(np.zeros((2, 2)))
