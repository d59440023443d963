"""Chapter 42 on a device that does not exist: a GPU meets no untried code."""

import types
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import torch
from fake_cuda import fake_cuda
from fake_streams import fake_streams
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import TensorDataset

from gpu_course import data, profiling, timing, trials

NOTEBOOK = (
    Path(__file__).parent.parent / "notebooks" / "42_making_it_fast.ipynb"
)


def host_profiler():
    return profile(activities=[ProfilerActivity.CPU])


def sources():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    first = next(i for i, c in enumerate(code) if "def amdahl" in c)
    code = "\n%%\n".join(code[:first])
    for long, short in (
        ("60_000", "600"),
        ("12_800", "256"),
        ("range(20)", "range(2)"),
        ("/ 3072", "/ 3072 or 1"),  # with 600 images no batch is larger
    ):
        assert long in code
        code = code.replace(long, short)
    return code.split("\n%%\n")


def test_it_runs_on_a_device(monkeypatch, capsys):
    """Every cell before the exercises, with fewer images and repetitions."""

    def compare(a, b, labels, **options):
        a()
        b()
        return types.SimpleNamespace(ratio=1, low=0.9, high=1.1, faster=None)

    whole = data.preload

    def preload(split, device):
        images, labels = whole(split).tensors
        return TensorDataset(images[:600].to(device), labels[:600].to(device))

    def once(call):
        call()
        return types.SimpleNamespace(median_s=1.0)

    monkeypatch.setattr(trials, "compare", compare)
    monkeypatch.setattr(data, "preload", preload)
    monkeypatch.setattr(timing, "time_call", once)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    # The profiler would ask a driver for the times of kernels.
    monkeypatch.setattr(profiling, "profiler", host_profiler)
    space = {"__name__": "chapter"}
    with fake_cuda(), fake_streams() as streams:
        for number, source in enumerate(sources(), 1):
            exec(compile(source, f"cell {number}", "exec"), space)
            plt.close("all")
        assert space["device"] == torch.device("cuda")
        assert streams.recorded
    printed = capsys.readouterr().out
    assert "no CUDA here" not in printed
    assert "CUDA graph" in space["trials"].results
