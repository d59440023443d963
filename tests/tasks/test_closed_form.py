"""Popularity, cosine and EASE against their definitions."""

import numpy as np
import pytest

from gpu_course.tasks.closed_form import ease, item_cosine, popularity


@pytest.fixture
def visited():
    return np.random.default_rng(5).random((80, 7)) < 0.3


def test_popularity_counts_visitors(visited):
    expected = [sum(row[i] for row in visited.tolist()) for i in range(7)]
    assert popularity(visited).tolist() == expected


def test_cosine_of_two_columns(visited):
    visited[:, 4] = False  # an item that nobody visited
    x, cosine = visited.astype(float), item_cosine(visited)
    for i in range(7):
        for j in range(7):
            lengths = np.linalg.norm(x[:, i]) * np.linalg.norm(x[:, j])
            apart = i != j and lengths > 0
            expected = x[:, i] @ x[:, j] / lengths if apart else 0
            assert cosine[i, j] == pytest.approx(expected)


def test_ease_is_ridge_regression_on_the_other_items(visited):
    x, weights = visited.astype(float), ease(visited, 2.5)
    for j in range(7):
        others = [i for i in range(7) if i != j]
        a = x[:, others]
        ridge = np.linalg.solve(a.T @ a + 2.5 * np.eye(6), a.T @ x[:, j])
        assert weights[others, j] == pytest.approx(ridge)
        assert weights[j, j] == 0


def test_a_penalty_of_zero_is_refused(visited):
    with pytest.raises(ValueError, match="penalty must be positive, got 0"):
        ease(visited, 0)
