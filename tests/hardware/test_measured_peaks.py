"""Measured peaks: what is counted, and that a wrong result is never timed."""

import threading
import time

import numpy as np
import pytest
import torch
from fake_cuda import fake_cuda

from gpu_course.hardware import measured_peaks
from gpu_course.hardware.measured_peaks import (
    Measured,
    measured_bandwidth,
    measured_sgemm,
)
from gpu_course.timing.timer import time_call


class Fixed:
    """A measurement as torch.utils.benchmark returns it."""

    median_s = 0.5
    times = (0.25, 0.5, 0.75)


@pytest.fixture
def fixed_time(monkeypatch):
    """Every call takes half a second; yields what was called."""
    called = []

    def once(function, min_run_time_s):
        called.append(function)
        function()
        return Fixed

    monkeypatch.setattr(measured_peaks, "time_call", once)
    return called


def test_triad_counts_three_arrays(fixed_time):
    measured = measured_bandwidth(array_mib=2)
    assert measured.rate == 3 * 2 * 2**20 / 0.5 / 1e9
    assert measured.best == 2 * measured.rate
    assert measured.unit == "GB/s"


def test_sgemm_counts_two_flops_a_multiply_add(fixed_time):
    measured = measured_sgemm(n=100)
    assert measured.rate == 2 * 100**3 / 0.5 / 1e9
    assert measured.unit == "GFLOP/s"
    assert measured.threads == torch.get_num_threads()


@pytest.mark.parametrize("n", [1, 7, 8, 130])
def test_sgemm_of_any_size(fixed_time, n):
    assert measured_sgemm(n=n).rate > 0


def agree(measure, function, amount):
    """Whether a rate is within twenty times that of NumPy's own call.

    The fastest calls count, and of five tries one is enough: other programs
    make a call slower, and none make it faster.
    """
    for _ in range(5):
        numpys = amount / min(time_call(function, 0.1).times) / 1e9
        if numpys / 20 < measure().best < numpys * 20:
            return True
    return False


def test_real_rates_agree_with_numpy():
    b = np.ones(1 << 24, np.float32)
    assert agree(
        lambda: measured_bandwidth(array_mib=64), b.copy, 2 * b.nbytes
    )
    square = np.ones((512, 512), np.float32)
    assert agree(
        lambda: measured_sgemm(n=512), lambda: square @ square, 2 * 512**3
    )


@pytest.mark.parametrize("measure", [measured_bandwidth, measured_sgemm])
def test_takes_less_than_its_cell_may(measure):
    """Two seconds of the CPU; others on the cores don't count."""
    start = time.process_time()
    measure()
    assert time.process_time() - start < 10 * torch.get_num_threads()


def test_a_wrong_triad_is_not_timed(fixed_time, monkeypatch):
    def wrong(b, c, alpha, out):
        out.copy_(b + c)

    monkeypatch.setattr(torch, "add", wrong)
    with pytest.raises(AssertionError, match="triad's result is wrong on cpu"):
        measured_bandwidth(array_mib=1)
    assert not fixed_time


def test_a_wrong_product_is_not_timed(fixed_time, monkeypatch):
    right = torch.mm

    def wrong(a, b, out):
        right(a.bfloat16().float(), b, out=out)

    monkeypatch.setattr(torch, "mm", wrong)
    with pytest.raises(AssertionError, match="not close"):
        measured_sgemm(n=256)
    assert not fixed_time


@pytest.mark.parametrize("names", ["old", "new"])
def test_full_float32_while_it_is_timed(monkeypatch, names):
    """Whichever of torch's two ways to ask for TF32 the reader took."""
    cuda = torch.backends.cuda.matmul
    if names == "new" and not hasattr(cuda, "fp32_precision"):
        pytest.skip("this torch has the old names only")
    seen = []

    def look():
        new = hasattr(cuda, "fp32_precision")
        return cuda.fp32_precision if new else cuda.allow_tf32

    def timed(function, min_run_time_s):
        seen.append(look())
        return Fixed

    monkeypatch.setattr(measured_peaks, "time_call", timed)
    before = torch.get_float32_matmul_precision()
    start = look()
    try:
        if names == "new":
            cuda.fp32_precision = "tf32"
        else:
            torch.set_float32_matmul_precision("high")
        asked = look()
        assert asked in ("tf32", True)
        measured_sgemm(n=16)
        assert seen in (["ieee"], [False])
        assert look() == asked
    finally:
        if names == "new":
            cuda.fp32_precision = start
        else:
            torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("measure", "wrong", "message"),
    [
        (measured_bandwidth, {"array_mib": 0}, "array_mib .* got 0"),
        (measured_sgemm, {"n": 0}, "n must be positive, got 0"),
        (measured_bandwidth, {"device": "tpu"}, "must be 'cpu', 'cuda'"),
        (measured_sgemm, {"device": "tpu"}, "must be 'cpu', 'cuda'"),
    ],
)
def test_arguments_are_checked(measure, wrong, message):
    with pytest.raises(ValueError, match=message):
        measure(**wrong)


def test_on_a_gpu_the_arrays_are_on_it(fixed_time):
    with fake_cuda() as gpu:
        triad = measured_bandwidth("cuda", array_mib=1)
        launches = gpu.launches
        assert launches > 0
        product = measured_sgemm("cuda", n=64)
        assert gpu.launches > launches
    assert triad.device.startswith("cuda")
    assert triad.threads is product.threads is None
    assert "thread" not in str(product)


def test_text():
    measured = Measured(21.234, 25.0, "GB/s", "cpu", 2, "triad")
    assert str(measured) == (
        "21.2 GB/s (best 25) on cpu, 2 threads: triad, measured here"
    )


def test_leaves_no_threads_behind():
    before = threading.active_count()
    measured_sgemm(n=64, min_run_time_s=0.01)
    assert threading.active_count() == before
