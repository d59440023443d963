"""Code that never ends is stopped; what it raises comes through."""

import importlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

from gpu_course.exercises.checking import limited
from gpu_course.exercises.checking.limited import TimeIsUp, run_limited


def test_the_result_comes_back():
    assert run_limited(lambda: 3, 1) == 3


def test_an_error_comes_back():
    with pytest.raises(ZeroDivisionError):
        run_limited(lambda: 1 / 0, 1)


def endless():
    while True:
        pass


def catching():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


@pytest.mark.parametrize("function", [endless, catching])
def test_a_loop_without_end_is_stopped(function):
    before = threading.active_count()
    start = time.perf_counter()
    with pytest.raises(TimeIsUp, match=r"0\.2 s"):
        run_limited(function, 0.2)
    assert time.perf_counter() - start < 3
    assert threading.active_count() == before


def test_one_that_catches_everything_is_left_behind():
    ended = threading.Event()

    def stubborn():
        while not ended.is_set():
            try:
                while not ended.is_set():
                    time.sleep(0.01)
            except BaseException:
                continue

    with pytest.raises(TimeIsUp):
        run_limited(stubborn, 0.1)
    ended.set()


# Imports

COLD = Path(__file__).with_name("cold_answers.py")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported while the test runs."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


def test_an_import_does_not_count(module):
    name = module("takes_half_a_second", "import time; time.sleep(0.5)")
    imported = run_limited(lambda: importlib.import_module(name), 0.2)
    assert imported.__name__ == name


def test_an_import_is_not_interrupted(module):
    name = module(
        "counts_itself",
        "import time\ncount = globals().get('count', 0) + 1\n"
        "time.sleep(0.05)\nended = count\n",
    )

    def importing_again():
        made = importlib.import_module(name)
        while True:
            time.sleep(0.02)
            importlib.reload(made)

    with pytest.raises(TimeIsUp) as raised:
        run_limited(importing_again, 0.2)
    assert not raised.value.importing
    counted = sys.modules[name]
    assert counted.ended == counted.count


def test_an_import_without_end_is_stopped(module, monkeypatch):
    monkeypatch.setattr(limited, "IMPORTS_S", 0.3)
    name = module("never_ends", "while True:\n    pass\n")
    before = threading.active_count()
    with pytest.raises(TimeIsUp) as raised:
        run_limited(lambda: importlib.import_module(name), 0.2)
    assert raised.value.importing
    assert threading.active_count() == before
    assert name not in sys.modules


def test_the_cause_has_the_line_where_it_was():
    with pytest.raises(TimeIsUp) as raised:
        run_limited(endless, 0.2)
    frames = traceback.extract_tb(raised.value.__cause__.__traceback__)
    assert frames[-1].name == "endless"


@pytest.mark.parametrize("what", ["schedule", "loop", "interrupt"])
def test_the_first_import_of_torch(what, tmp_path):
    """In a process that hasn't imported it; it works afterwards."""
    done = subprocess.run(
        [sys.executable, str(COLD), what],
        capture_output=True,
        text=True,
        env={**os.environ, "GPU_COURSE_DATA": str(tmp_path)},
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loss"] < found["first_loss"]
    expected = {
        "schedule": "passed",
        "loop": "too_slow",
        "interrupt": "interrupted",
    }
    assert found["result"] == expected[what], found
    if what == "interrupt":
        assert found["seconds"] < 1
