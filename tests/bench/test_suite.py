"""The suite: right results on every device, and only those are timed."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from fake_cuda import fake_cuda

from gpu_course.bench import run
from gpu_course.bench.case import run_case
from gpu_course.bench.ledger import load
from gpu_course.bench.run import run_suite, ways, working_devices
from gpu_course.bench.suite import CASES, case
from gpu_course.hardware.measured_peaks import full_float32

NAMES = [one.name for one in CASES]
ONCE = {"min_run_time_s": 1e-4, "warm_up_s": 0}
# Each case has one small size; sizes of 1 and odd ones are tried as well.
SMALL = {"matrix product": 17}


def small(one):
    return SMALL.get(one.name, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 7])
def test_every_case_is_right_here(name, size):
    timing = run_case(case(name), size, "cpu", threads=1, **ONCE)
    assert timing.median_s > 0
    assert (timing.device, timing.threads) == ("cpu", 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transfers", ["none", "in and out"])
def test_every_case_runs_on_a_gpu(name, transfers):
    one = case(name)
    with fake_cuda() as gpu:
        call = one.make(small(one), "cuda", transfers)
        copied = gpu.copies_to_device, gpu.copies_to_host
        result = call()
        assert result.is_cuda == (transfers == "none")
        inputs = len(one.inputs(small(one)))
        expected = (inputs, 1) if transfers == "in and out" else (0, 0)
        assert (
            gpu.copies_to_device - copied[0],
            gpu.copies_to_host - copied[1],
        ) == expected
        timing = run_case(one, small(one), "cuda", None, transfers, **ONCE)
        assert gpu.running == 0
    assert (timing.device, timing.transfers) == ("cuda", transfers)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_result_is_not_timed(name):
    one = case(name)
    right = one.kernel

    def kernel(size, device):
        function = right(size, device)
        return lambda *inputs: function(*inputs) * 1.01 + 0.01

    with pytest.raises(AssertionError, match=rf"{name} of 5 .* is wrong on"):
        replace(one, kernel=kernel).make(5)


def test_tf32_would_be_found_out():
    """Products rounded as TF32 has them, to 10 bits, aren't float32's."""
    product = case("matrix product")

    def rounded(size, device):
        return lambda a, b: a.bfloat16().float() @ b.bfloat16().float()

    with pytest.raises(AssertionError, match="matrix product of 64 rows"):
        replace(product, kernel=rounded).make(64)


def test_float32_means_float32_meanwhile():
    from torch.backends import cudnn

    new = hasattr(cudnn, "conv")

    def look():
        return cudnn.conv.fp32_precision if new else cudnn.allow_tf32

    before = look()
    with full_float32():
        assert look() in ("ieee", False)
    assert look() == before


def test_flops_are_torch_s_and_bytes_the_arrays():
    from torch.utils.flop_counter import FlopCounterMode

    for name in ("matrix product", "convolution", "inference"):
        one = case(name)
        call = one.make(20)
        with FlopCounterMode(display=False) as counter:
            call()
        counted = counter.get_total_flops()
        # Ours has ReLU and pooling as well, which are little.
        assert counted <= one.flops(20) <= 1.03 * counted
    for name in ("vector add", "reduction", "matrix product", "convolution"):
        one = case(name)
        inputs = one.inputs(20)
        arrays = (*inputs, one.make(20)())
        total = sum(x.numel() * x.element_size() for x in arrays)
        assert one.bytes(20) == total
    assert case("training step").flops(2) == 2 * case("training step").flops(1)


def test_an_unknown_case_says_what_there_is():
    with pytest.raises(ValueError, match="no bench 'fft'; there are vector"):
        case("fft")


def test_sizes_grow_and_the_quick_ones_are_among_them():
    for one in CASES:
        assert list(one.sizes) == sorted(one.sizes)
        assert set(one.quick_sizes) <= set(one.sizes)
        assert one.sizes[-1] >= 100 * one.sizes[0]


@pytest.fixture
def tiny(monkeypatch):
    """Two cases, one small size each, hardly any time."""
    monkeypatch.setattr(run, "QUICK", ONCE)
    return [
        replace(case(name), quick_sizes=(4, 8))
        for name in ("vector add", "training step")
    ]


def test_the_suite_writes_a_ledger_and_says_what_it_does(tmp_path, tiny):
    path, lines = tmp_path / "mine.json", []
    made = run_suite(path, True, ["cpu"], lines.append, tiny)
    assert load(path) == made
    threads = len({1, torch.get_num_threads()})
    assert len(made.entries) == 2 * 2 * threads
    first = made.entries[0]
    assert (first.bench, first.size, first.threads) == ("vector add", 4, 1)
    assert (first.flops, first.bytes) == (4, 48)
    assert made.entries[-1].bytes is None
    assert lines[0].startswith(f"1/{len(made.entries)} vector add")
    assert lines[-1].endswith(f"written to {path}")


def test_with_a_gpu_it_is_timed_too(tmp_path, tiny, monkeypatch):
    properties = SimpleNamespace(
        name="Fake GPU", total_memory=2**34, major=8, minor=6
    )
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda *_: properties
    )
    with fake_cuda():
        assert working_devices() == ["cpu", "cuda"]
        made = run_suite(
            tmp_path / "gpu.json", True, None, lambda line: None, tiny
        )
    assert made.machine["gpu"] == "Fake GPU"
    assert made.machine["compute_capability"] == "8.6"
    assert load(tmp_path / "gpu.json") == made
    there = [e for e in made.entries if e.device == "cuda"]
    assert {e.transfers for e in there} == {"none", "in and out"}
    assert all(e.threads is None for e in there)
    assert made.way(there[1]) == "cuda, transfers in and out"


def test_an_interrupt_keeps_what_was_measured(tmp_path, tiny):
    path, lines = tmp_path / "part.json", []

    def report(line):
        lines.append(line)
        if "training step" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_suite(path, True, ["cpu"], report, tiny)
    assert {e.bench for e in load(path).entries} == {"vector add"}


def test_what_needs_too_much_memory_is_left_out(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(run, "ROOM", 0)
    lines = []
    made = run_suite(tmp_path / "x.json", True, ["cpu"], lines.append, tiny)
    assert {e.bench for e in made.entries} == {"training step"}
    assert "left out, it needs too much memory" in lines[0]


def test_a_disturbed_time_is_taken_again_but_not_in_a_quick_run(
    tmp_path, tiny, monkeypatch
):
    asked = []
    quiet = run_case(CASES[0], 100, "cpu", 1, **ONCE)

    def disturbed(case, size, device, threads, transfers, **options):
        asked.append(1)
        took = (0.3, 0.1, 0.2)[(len(asked) - 1) % 3]
        return replace(quiet, median_s=took, warning="noisy", threads=threads)

    monkeypatch.setattr(run, "run_case", disturbed)
    case = replace(tiny[0], sizes=(4,), quick_sizes=(4,))
    for quick, calls, expected in ((False, 3, 0.1), (True, 1, 0.3)):
        asked.clear()
        made = run_suite(
            tmp_path / "x.json", quick, ["cpu"], lambda line: None, [case]
        )
        assert len(asked) == calls * len(made.entries)
        assert made.entries[0].median_s == expected


def test_one_core_is_not_timed_twice():
    assert ways(CASES[0], ["cpu"], {"threads": 1}) == [("cpu", 1, "none")]
    json.dumps(ways(CASES[0], ["cpu", "mps"], {"threads": 8}))
