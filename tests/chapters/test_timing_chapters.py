"""Chapters 40 to 43 on a device that does not exist, before a reader's.

Every cell before the exercises runs, on fewer sizes and for less time. What
it prints of time is not looked at: only that nothing raises, as CUDA would.
"""

import linecache
import os
import types
from contextlib import nullcontext
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
import torch
from fake_cuda import fake_cuda
from fake_streams import fake_streams
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import TensorDataset

from gpu_course.bench import suite
from gpu_course.data import mnist
from gpu_course.timing import profiling, timer, trials

matplotlib.use("Agg")
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SHORTER = {
    "40_honest_timing": {"range(2000)": "range(20)"},
    "41_cpu_vs_gpu": {
        "range(2, 8)": "range(2, 7)",
        "10**7": "10**6",
        "512, 1024)": "512)",
        "(1, 100, 1000)": "(1, 10)",
        "(10, 100, 1000)": "(10,)",
        "max_run_time_s=3": "max_run_time_s=0.1",
        'preload("train"': 'preload("test"',
    },
    "42_making_it_fast": {
        "60_000": "600",
        "12_800": "256",
        "range(20)": "range(2)",
        "/ 3072": "/ 3072 or 1",  # with 600 images no batch is larger
    },
    "43_roofline": {
        "seconds=0.3": "seconds=0.0",
        "(step, 1)": "(step, 0)",
        "network(batch), 1)": "network(batch), 0)",
        "640, 1280": "512",
        "measured_ceilings(device)": "measured_ceilings(device, 0.01)",
        "measured_curve(device)": "measured_curve(device, (1, 2), 0.01)",
    },
}


def sources(chapter):
    """Return the code before the exercises."""
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    end = next(
        i
        for i, cell in enumerate(cells)
        if cell.cell_type == "markdown" and "## Try it" in cell.source
    )
    code = [c.source for c in cells[:end] if c.cell_type == "code"]
    text = "\n%%\n".join(code)
    for long, short in SHORTER[chapter].items():
        assert long in text, long
        text = text.replace(long, short)
    return text.split("\n%%\n")


def compared(a, b, labels, **options):
    a()
    b()
    return types.SimpleNamespace(ratio=1, low=0.9, high=1.1, faster=None)


def called_once(call):
    call()
    return types.SimpleNamespace(median_s=1.0)


def shorten_making_it_fast(monkeypatch):
    """Take fewer images and calls, and ask no driver for anything."""
    whole = mnist.preload

    def preload(split, device):
        images, labels = whole(split).tensors
        return TensorDataset(images[:600].to(device), labels[:600].to(device))

    def host_profiler():
        return profile(activities=[ProfilerActivity.CPU])

    monkeypatch.setattr(trials, "compare", compared)
    monkeypatch.setattr(mnist, "preload", preload)
    monkeypatch.setattr(timer, "time_call", called_once)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(profiling, "profiler", host_profiler)


@pytest.mark.parametrize("chapter", SHORTER)
def test_it_runs_on_a_device(chapter, monkeypatch, capsys):
    streamed = chapter == "42_making_it_fast"
    if streamed:
        shorten_making_it_fast(monkeypatch)
    monkeypatch.delenv("GPU_COURSE_DEVICE", raising=False)
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr(
        suite, "QUICK", {"min_run_time_s": 0.01, "max_run_time_s": 0.01}
    )
    assert "GPU_COURSE_DEVICE" not in os.environ
    space = {"__name__": "chapter"}
    with (
        fake_cuda() as gpu,
        fake_streams() if streamed else nullcontext() as streams,
    ):
        for number, source in enumerate(sources(chapter), 1):
            name, lines = f"<{chapter} {number}>", source.splitlines(True)
            # A kernel's source is looked for there.
            linecache.cache[name] = len(source), None, lines, name
            exec(compile(source, name, "exec"), space)
            plt.close("all")
        if "device" in space:
            assert space["device"] == torch.device("cuda")
            assert gpu.launches > 100
    printed = capsys.readouterr().out
    assert "no GPU works here" not in printed
    if streamed:
        assert streams.recorded
        assert "no CUDA here" not in printed
        assert "CUDA graph" in space["trials"].results
