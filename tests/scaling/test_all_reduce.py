"""All-reduce against NumPy's sum, and its bytes against the formulas."""

import numpy as np
import pytest

from gpu_course.scaling.all_reduce import (
    naive_all_reduce,
    ring_all_reduce,
    tree_all_reduce,
)

WAYS = (naive_all_reduce, ring_all_reduce, tree_all_reduce)


def gradients(processes, length, dtype=np.int64):
    random = np.random.default_rng(processes)
    return list(random.integers(-9, 9, (processes, length)).astype(dtype))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("processes", [1, 2, 3, 4, 5, 8, 13])
@pytest.mark.parametrize("length", [1, 7, 24])
def test_everyone_has_the_sum(way, processes, length):
    arrays = gradients(processes, length)
    before = [array.copy() for array in arrays]
    reduced = way(arrays)
    assert len(reduced.arrays) == processes
    for got in reduced.arrays:
        np.testing.assert_array_equal(got, np.sum(before, axis=0))
    np.testing.assert_array_equal(arrays, before)  # as they were
    assert sum(reduced.sent) == sum(reduced.received)


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_the_ring_s_bytes_and_steps(processes):
    reduced = ring_all_reduce(gradients(processes, 240, np.float32))
    each = 2 * (processes - 1) * 960 // processes
    assert set(reduced.sent) == set(reduced.received) == {each}
    assert reduced.steps == 2 * (processes - 1)
    assert reduced.busiest == each


def test_uneven_pieces_go_round_as_well():
    reduced = ring_all_reduce(gradients(4, 7, np.float32))
    assert sum(reduced.sent) == 2 * 3 * 28  # each byte 2 (p - 1) times


@pytest.mark.parametrize(
    ("processes", "steps"), [(2, 2), (3, 4), (4, 4), (8, 6), (9, 8)]
)
def test_the_tree_s_steps(processes, steps):
    reduced = tree_all_reduce(gradients(processes, 10, np.float32))
    assert reduced.steps == steps
    # Process 0 gets an array at each level and sends as many back.
    assert reduced.sent[0] == reduced.received[0] == 40 * steps // 2


def test_the_naive_way_waits_for_one_wire():
    reduced = naive_all_reduce(gradients(8, 10, np.float32))
    assert reduced.steps == 14
    assert reduced.busiest == reduced.received[0] == 7 * 40


@pytest.mark.parametrize("way", WAYS)
def test_what_is_refused(way):
    with pytest.raises(ValueError, match="one shape and type"):
        way([np.zeros(2), np.zeros(3)])
    with pytest.raises(ValueError, match="must be flat"):
        way([np.zeros((2, 2)), np.zeros((2, 2))])
    with pytest.raises(ValueError, match="no arrays"):
        way([])
