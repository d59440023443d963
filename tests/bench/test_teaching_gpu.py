"""The benchmark of kernels checks first, and reports what it timed."""

import json

import numpy as np
import pytest

from gpu_course.bench import teaching_gpu, teaching_gpu_cases
from gpu_course.bench.teaching_gpu_cases import CASES, Case, check, correlate
from gpu_course.cli import main

NAMES = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_kernels_are_right_and_without_fault(case, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "python")
    made = case.make(case.unit)
    check(made)
    assert not made.traced().findings


def test_a_wrong_result_is_not_timed(monkeypatch):
    made = CASES[0].make(256)
    monkeypatch.setattr(teaching_gpu_cases, "launch", lambda *args: None)
    with pytest.raises(AssertionError, match="axpy differs from NumPy at"):
        check(made)


def test_numpy_s_convolution_is_torch_s():
    from torch import from_numpy
    from torch.nn.functional import conv2d

    made = next(c for c in CASES if c.name == "convolution").make(2)
    images, weights, _ = made.arguments
    expected = conv2d(
        from_numpy(images)[:, None], from_numpy(weights)[None, None]
    )
    assert np.array_equal(correlate(images, weights), expected[:, 0])


def test_sizes_are_whole_blocks_at_any_scale():
    for case in CASES:
        for scale in (0.001, 0.33, 1):
            assert all(n > 0 and n % case.unit == 0 for n in case.sizes(scale))


@pytest.fixture
def tiny(monkeypatch):
    """Two small kernels, one decade, and no wait for the clock."""
    chosen = [c for c in CASES if c.name in ("axpy", "warp_reduction")]
    cases = [
        Case(c.make, c.unit, 2000 * c.unit, c.unit, c.simulated)
        for c in chosen
    ]
    monkeypatch.setattr(teaching_gpu, "CASES", tuple(cases))
    monkeypatch.setattr(teaching_gpu, "GROWN", "axpy")
    monkeypatch.setattr(teaching_gpu, "GROWTH", (256_000, 2_560_000))
    monkeypatch.setattr(teaching_gpu, "LONG_S", 0)
    monkeypatch.setattr(teaching_gpu, "GOALS", ("axpy",))


def test_the_rows_have_every_time_and_ratio(tiny):
    lines = []
    result = teaching_gpu.bench_kernels(lines.append, scale=0.001)
    axpy, warps = result["kernels"]
    assert axpy["threads"] == 256
    assert axpy["full_threads"] == 512
    assert set(axpy["seconds"]) == {
        "compiled",
        "traced",
        "python",
        "simulator",
        "numpy",
    }
    seconds = axpy["seconds"]
    assert axpy["simulator_over_compiled"] == pytest.approx(
        seconds["simulator"] / seconds["compiled"]
    )
    assert axpy["simulator_over_compiled_at_full_size"] == pytest.approx(
        2 * seconds["simulator"] / axpy["full_seconds"]["compiled"]
    )
    assert warps["seconds"]["simulator"] is None
    goals = result["goals"]
    assert goals["full_seconds"]["axpy"] == axpy["full_seconds"]["compiled"]
    assert set(goals["first_launch_s"]) == {
        "plain",
        "plain, types on disk",
        "compiled",
        "disk cache",
    }
    (first,) = [line for line in lines if line.startswith("first launch")]
    assert "plain (256 threads)" in first
    assert "compiled (4,096 threads)" in first
    assert goals["traced_events_per_s"] > 0
    assert goals["growth"]["threads"] == [256, 2560]
    assert sum("axpy" in line for line in lines) == 3
    json.dumps(result)


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        teaching_gpu.child("1 / 0")


def test_the_command_prints_one_json_object(monkeypatch, capsys):
    def bench_kernels(report):
        report("a line")
        return {"kernels": []}

    monkeypatch.setattr(teaching_gpu, "bench_kernels", bench_kernels)
    assert main(["bench", "kernels", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"kernels": []}
    assert printed.err == "a line\n"
