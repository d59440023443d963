"""Intervals of medians: as often right as they say."""

import random
import statistics

import pytest

from gpu_course.timing import medians
from gpu_course.timing.medians import (
    correlation_time,
    median_interval,
    quartile_range,
)


def shares_right(draw, count, runs=400):
    """How many of the intervals hold 0, the median of what is drawn."""
    right = 0
    for seed in range(runs):
        interval = median_interval(draw(random.Random(seed), count))
        right += interval.low <= 0 <= interval.high
    return right / runs


def independent(generator, count):
    return [generator.lognormvariate(0, 2) - 1 for _ in range(count)]


def correlated(generator, count, memory=0.8):
    values, value = [], generator.gauss(0, 1)
    for _ in range(count):
        value = memory * value + generator.gauss(0, (1 - memory**2) ** 0.5)
        values.append(value)
    return values


@pytest.mark.parametrize("count", [6, 15, 40, 200])
def test_intervals_of_independent_values_hold_the_median(count):
    assert shares_right(independent, count) > 0.92


def test_intervals_of_correlated_values_hold_it_too():
    assert shares_right(correlated, 200) > 0.85

    def naive(generator, count):
        values = correlated(generator, count)
        generator.shuffle(values)  # as if they were independent
        return values

    assert shares_right(naive, 200) < 0.7


def test_ranks_are_those_of_the_tables():
    """n = 10: 2nd and 9th, 97.9 %; n = 20: 6th and 15th, 95.9 %."""
    ten = median_interval([3, 9, 1, 7, 10, 5, 2, 8, 6, 4])
    assert (ten.low, ten.high) == (2, 9)
    assert ten.confidence == pytest.approx(1 - 22 / 1024)
    order = [7, 20, 3, 11, 16, 1, 14, 9, 18, 5]
    order += [12, 2, 19, 8, 15, 4, 10, 17, 6, 13]
    twenty = median_interval(order)
    assert (twenty.low, twenty.high) == (6, 15)
    assert twenty.confidence == pytest.approx(0.9586, abs=1e-4)


def test_many_values_have_nearly_the_exact_ranks(monkeypatch):
    values = list(range(501))
    near = median_interval(values[:501])
    monkeypatch.setattr(medians, "EXACT", 501)
    exact = median_interval(values[:501])
    assert abs(near.low - exact.low) <= 1
    assert abs(near.high - exact.high) <= 1


@pytest.mark.parametrize(
    ("count", "confidence"), [(1, 0), (2, 0.5), (5, 0.9375), (6, 0.96875)]
)
def test_few_values_say_what_they_are_worth(count, confidence):
    interval = median_interval(list(range(count)))
    assert (interval.low, interval.high) == (0, count - 1)
    assert interval.confidence == confidence


def test_no_values_is_an_error():
    with pytest.raises(ValueError, match="at least one, got none"):
        median_interval([])


def test_equal_values_are_no_division_by_zero():
    interval = median_interval([2.0] * 50)
    assert (interval.low, interval.high) == (2, 2)


def test_correlation_counts_for_neighbours_only_where_there_is_some():
    generator = random.Random(0)
    assert correlation_time(independent(generator, 500)) < 1.5
    # (1 + m) / (1 - m) is 9 for the values; their signs forget sooner.
    assert 2 < correlation_time(correlated(generator, 2000)) < 12


def test_quartiles_are_numpy_s():
    import numpy as np

    values = [1.0, 4.0, 9.0, 16.0, 30.0]
    q1, q3 = np.percentile(values, [25, 75])
    assert quartile_range(values) == q3 - q1
    assert quartile_range([3.0]) == 0
    assert statistics.median(values) == 9
