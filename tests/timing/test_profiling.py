"""Traces, read back: against a trace made by hand and the profiler's table."""

import json
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
import torch
from fake_cuda import fake_cuda
from torch.profiler import record_function

from gpu_course.timing.profiling import (
    draw_own_times,
    draw_timeline,
    median_own_us,
    profiler,
    read_trace,
    repetitions,
    self_time_us,
)


def event(name, ts, dur, cat="cpu_op", tid=1, ph="X"):
    return {
        "name": name,
        "ts": ts,
        "dur": dur,
        "cat": cat,
        "tid": tid,
        "ph": ph,
        "pid": 1,
    }


def written(tmp_path, *events):
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"traceEvents": list(events)}))
    return path


NESTED = (
    event("outer", 100, 50),
    event("inner", 110, 10),
    event("innermost", 112, 3),
    event("inner", 120, 20),  # begins where the first one ends
    event("later", 150, 5),
    event("kernel", 130, 40, "kernel", 7),
    {"name": "a flow", "ph": "s", "cat": "fwdbwd", "ts": 1},
)


def test_depths_and_own_times(tmp_path):
    spans = read_trace(written(tmp_path, *reversed(NESTED)))
    rows = [(s.name, s.where, s.start_us, s.depth, s.self_us) for s in spans]
    assert rows == [
        ("outer", "host", 0, 0, 20),
        ("inner", "host", 10, 1, 7),
        ("innermost", "host", 12, 2, 3),
        ("inner", "host", 20, 1, 20),
        ("kernel", "device", 30, 0, 40),
        ("later", "host", 50, 0, 5),
    ]


def test_own_times_by_name_the_largest_first(tmp_path):
    spans = read_trace(written(tmp_path, *NESTED))
    assert list(self_time_us(spans).items()) == [
        ("inner", 27),
        ("outer", 20),
        ("later", 5),
        ("innermost", 3),
    ]
    assert self_time_us(spans, "device") == {"kernel": 40}


def repeated(tmp_path):
    path = written(
        tmp_path,
        event("step", 0, 30, "user_annotation"),
        event("mm", 5, 20),
        event("step", 40, 10, "user_annotation"),
        event("add", 41, 2),
        event("add", 44, 1, tid=2),
        event("step", 50, 20, "user_annotation"),
        event("mm", 51, 4),
    )
    return repetitions(read_trace(path), "step")


def test_repetitions_the_shortest_first(tmp_path):
    found = [[(s.name, s.start_us) for s in r] for r in repeated(tmp_path)]
    assert found == [
        [("step", 0), ("add", 1), ("add", 4)],
        [("step", 0), ("mm", 1)],
        [("step", 0), ("mm", 5)],
    ]


def test_medians_of_own_times(tmp_path):
    own = median_own_us(repeated(tmp_path))
    assert list(own.items()) == [("step", 10), ("mm", 4), ("add", 0)]


def test_no_such_repetition(tmp_path):
    spans = read_trace(written(tmp_path, *NESTED))
    with pytest.raises(ValueError, match=r"record_function\('step'\)"):
        repetitions(spans, "step")


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other\.json is not a trace"):
        read_trace(path)


def test_an_empty_trace_has_no_spans(tmp_path):
    assert read_trace(written(tmp_path)) == []


def recorded(tmp_path, call):
    with profiler() as profile, record_function("step"):
        call()
    path = tmp_path / "trace.json"
    profile.export_chrome_trace(str(path))
    return profile, read_trace(path)


def product():
    x = torch.ones(40, 40, requires_grad=True)
    torch.nn.functional.linear(x, x).relu().sum().backward()


def test_it_agrees_with_the_table_of_the_profiler(tmp_path):
    profile, spans = recorded(tmp_path, product)
    own = self_time_us(spans)
    for row in profile.key_averages():
        names = [span for span in spans if span.name == row.key]
        # The table counts a sum within a sum once.
        assert len(names) >= row.count
        if row.count:
            assert own[row.key] == pytest.approx(
                row.self_cpu_time_total, abs=0.5 + 0.01 * row.count
            )


SILENT = """
import torch
from gpu_course.timing import profiling
with profiling.profiler():
    torch.ones(3).sum()
"""


def test_it_is_silent():
    # In a process of its own: what the profiler says is set when it starts.
    done = subprocess.run(
        [sys.executable, "-c", SILENT], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_on_a_device(tmp_path):
    with fake_cuda():
        _, spans = recorded(tmp_path, lambda: torch.ones(3).cuda().sum())
    assert spans


def test_pictures(tmp_path):
    spans = read_trace(written(tmp_path, *NESTED))
    fig, (one, two) = plt.subplots(2)
    draw_timeline(one, spans, ["inner", "kernel"], depths=2)
    assert [t.get_text() for t in one.get_yticklabels()] == ["host", "device"]
    assert len(one.get_legend_handles_labels()[1]) == 2
    draw_own_times(two, self_time_us(spans), 3)
    assert [p.get_width() for p in two.patches] == [0.027, 0.02, 0.005]
    with pytest.raises(ValueError, match="at most 6, got 7"):
        draw_timeline(one, spans, "abcdefg")
    plt.close(fig)
