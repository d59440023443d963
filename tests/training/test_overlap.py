"""The model of what copying ahead saves."""

import pytest

from gpu_course.training.overlap import overlapped_times


def test_overlap_by_hand():
    # Copies take 1 each; computing takes 2 each and starts at 1.
    times = overlapped_times(3, 6, 3)
    assert times == [(0, 1, 1, 3), (1, 2, 3, 5), (2, 3, 5, 7)]


@pytest.mark.parametrize("chunks", [1, 2, 7])
@pytest.mark.parametrize(("copy", "compute"), [(1, 3), (3, 1), (2, 2)])
def test_overlap_agrees_with_the_formula(copy, compute, chunks):
    end = overlapped_times(copy, compute, chunks)[-1][-1]
    longer, shorter = max(copy, compute), min(copy, compute)
    assert end == pytest.approx(longer + shorter / chunks)


def test_no_chunks_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        overlapped_times(1, 1, 0)
