"""Code that never ends is stopped; what it raises comes through."""

import threading
import time

import pytest

from gpu_course.exercises.limited import TimeIsUp, run_limited


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
