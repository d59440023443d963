"""time_call: seconds per call, on as many threads as torch uses."""

import time

import pytest
import torch

from gpu_course.timing import time_call


def test_measures_a_known_duration():
    measured = time_call(lambda: time.sleep(0.01), min_run_time_s=0.05)
    assert 0.01 <= measured.median < 0.05
    assert sum(measured.times) * measured.number_per_run >= 0.05


def test_uses_the_threads_that_torch_is_set_to():
    before, seen = torch.get_num_threads(), set()
    torch.set_num_threads(2)
    try:
        time_call(lambda: seen.add(torch.get_num_threads()), 0.001)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {2}


def test_an_error_of_the_function_comes_through():
    with pytest.raises(ZeroDivisionError):
        time_call(lambda: 1 / 0)
