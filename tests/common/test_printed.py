"""What is printed is cut, counted, and never more than is shown."""

import contextlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from gpu_course import cuda
from gpu_course.common.printed import first_lines
from gpu_course.cuda.launch import LINES
from gpu_course.exercises import catalogue, check


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))


@pytest.mark.parametrize("printed", [0, 1, 4, 5, 6, 7, 1000])
@pytest.mark.parametrize("pieces", [False, True])
def test_the_first_lines_are_shown_and_the_rest_counted(
    printed, pieces, capsys
):
    with first_lines(5, "why"):
        if pieces:
            for i in range(printed):
                print(i)
        else:
            sys.stdout.write("".join(f"{i}\n" for i in range(printed)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [str(i) for i in range(min(printed, 5))]
    more = printed - 5
    if more == 1:
        assert lines[5:] == ["… and 2 more characters: why"]
    else:
        expected = [f"… and {more:,} more lines: why"] if more > 0 else []
        assert lines[5:] == expected


def test_a_line_without_end(capsys):
    with first_lines(2, "why"):
        for i in range(100_000):
            print(i % 10, end="")
    first, last = capsys.readouterr().out.splitlines()
    assert first == "0123456789" * 40
    assert last == "… and 99,600 more characters: why"


def test_both_streams_from_any_thread(capsys):
    def work():
        print("out")
        print("err", file=sys.stderr)

    with first_lines(3, "why"):
        for _ in range(4):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    shown = capsys.readouterr()
    assert shown.out == "out\nout\n… and 5 more lines: why\n"
    assert shown.err == "err\n"


def test_the_streams_come_back():
    before = sys.stdout, sys.stderr
    with contextlib.suppress(ZeroDivisionError), first_lines(3, "why"):
        assert sys.stdout.encoding == before[0].encoding
        with first_lines(1, "not this"):
            assert sys.stdout is not before[0]
        1 / 0  # noqa: B018
    assert (sys.stdout, sys.stderr) == before


AXPY = next(e for e in catalogue() if e.name == "axpy")
PRINTING = AXPY.solution.replace(
    "        y[i] =", "        print(i)\n        y[i] ="
)


def test_a_check_of_a_kernel_that_prints(capsys):
    result = check("axpy", AXPY.load(PRINTING))
    assert result.passed
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 51
    threads = sum(
        np.size(case.arguments[1]) * (3 if case.traced else 1)
        for case in AXPY.cases()
    )
    assert lines[50].startswith(f"… and {threads - 50:,} more lines: ")


SLOW = """
import sys, time
class Slow:
    def __init__(self, stream): self.stream = stream
    def write(self, text):
        time.sleep(0.001)
        return len(text)
    def flush(self): pass
sys.stdout = sys.stderr = Slow(sys.stdout)
from gpu_course.exercises import catalogue, check
exercise = next(e for e in catalogue() if e.name == "{name}")
start = time.perf_counter()
result = check("{name}", exercise.load({source!r}))
sys.__stdout__.write(f"{{result.passed}} {{time.perf_counter() - start}}")
"""


@pytest.mark.parametrize("name", ["axpy", "blocks_for"])
def test_printing_on_a_slow_stream_is_no_reason_to_be_late(name):
    """A notebook's is: 100,000 lines take it longer than a check may."""
    source = PRINTING
    if name == "blocks_for":
        exercise = next(e for e in catalogue() if e.name == name)
        head, body = exercise.solution.split(":\n", 1)
        source = f"{head}:\n    for i in range(5000): print(i)\n{body}"
    done = subprocess.run(
        [sys.executable, "-c", SLOW.format(name=name, source=source)],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    passed, seconds = done.stdout.split()
    assert passed == "True"
    assert float(seconds) < 10  # 1 s on a machine that is free


def test_what_a_function_prints_to_either_stream(capsys):
    def blocks_for(n, threads):
        for _ in range(4):
            print("out")
            print("err", file=sys.stderr)
        return max(1, -(-n // threads))

    assert check("blocks_for", blocks_for).passed
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["err"] * 25
    assert shown.out.splitlines()[:-1] == ["out"] * 25
    assert "206 more lines" in shown.out  # 32 hidden inputs


@cuda.jit
def printing(x):
    i = cuda.grid(1)
    if i < x.size:
        print("element", i)


@pytest.mark.parametrize("executor", ["", "python", "traced", "compiled"])
def test_a_launch_that_prints(executor, monkeypatch, capsys):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    printing[40, 128](np.zeros(5000))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:LINES] == [f"element {i}" for i in range(LINES)]
    assert lines[LINES:] == [
        "… and 4,000 more lines: a launch shows 1,000 lines."
    ]
    printing[1, 32](np.zeros(3))
    assert capsys.readouterr().out.splitlines() == lines[:3]
