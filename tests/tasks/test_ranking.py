"""Hiding a visit and ranking it, against loops over visitors."""

import numpy as np
import pytest

from gpu_course.tasks.ranking import (
    hide_one,
    hit_rate_at,
    mean_reciprocal_rank,
    ranking_measures,
    ranks_of_hidden,
)


@pytest.fixture
def asked():
    random = np.random.default_rng(3)
    history, hidden = hide_one(random.random((60, 17)) < 0.2, seed=1)
    scores = random.integers(0, 6, history.shape).astype(float)  # many equal
    return scores, history, hidden


def mean_rank_by_sorting(scores, history, hidden):
    """Sort the items that aren't visited; average the places of equals."""
    ranks = []
    for score, visited, item in zip(scores, history, hidden, strict=True):
        order = sorted(
            (i for i in range(len(score)) if not visited[i]),
            key=lambda i: -score[i],
        )
        equals = [
            place
            for place, i in enumerate(order, 1)
            if score[i] == score[item]
        ]
        ranks.append(sum(equals) / len(equals))
    return ranks


def test_ranks_are_those_of_sorting(asked):
    assert ranks_of_hidden(*asked).tolist() == mean_rank_by_sorting(*asked)


def test_a_visited_item_is_never_in_the_way():
    scores = np.array([[9.0, 8.0, 7.0, 1.0]])
    history = np.array([[True, False, True, False]])
    assert ranks_of_hidden(scores, history, np.array([3])).tolist() == [2]


def test_one_score_for_all_gains_nothing(asked):
    _, history, hidden = asked
    ranks = ranks_of_hidden(np.zeros(history.shape), history, hidden)
    assert np.array_equal(ranks, (1 + (~history).sum(axis=1)) / 2)


def test_measures_of_given_ranks():
    ranks = np.array([1, 10, 10.5, 11, 4])
    assert hit_rate_at(ranks) == 3 / 5
    assert hit_rate_at(ranks, 1) == 1 / 5
    expected = (1 + 1 / 10 + 1 / 10.5 + 1 / 11 + 1 / 4) / 5
    assert mean_reciprocal_rank(ranks) == pytest.approx(expected)


def test_both_measures_by_name(asked):
    ranks = np.array(mean_rank_by_sorting(*asked))
    assert ranking_measures(*asked) == {
        "hit rate at 10": sum(rank <= 10 for rank in ranks) / len(ranks),
        "MRR": pytest.approx(sum(1 / rank for rank in ranks) / len(ranks)),
    }


def test_one_visit_of_each_is_hidden():
    visited = np.random.default_rng(0).random((200, 9)) < 0.25
    history, hidden = hide_one(visited)
    kept = visited[visited.sum(axis=1) >= 2]
    assert len(kept) == len(history) < len(visited)
    rows = np.arange(len(kept))
    assert kept[rows, hidden].all()
    assert not history[rows, hidden].any()
    history[rows, hidden] = True
    assert np.array_equal(history, kept)


def test_the_seed_decides_what_is_hidden():
    visited = np.ones((50, 8), bool)
    assert np.array_equal(hide_one(visited, 1)[1], hide_one(visited, 1)[1])
    assert not np.array_equal(hide_one(visited, 1)[1], hide_one(visited, 2)[1])


def test_each_visit_is_hidden_equally_often():
    visited = np.tile([True, False, True, True], (9000, 1))
    counts = np.bincount(hide_one(visited)[1], minlength=4)
    assert counts[1] == 0
    assert (abs(counts[[0, 2, 3]] - 3000) < 200).all()


def test_no_rank_of_nan(asked):
    scores, history, hidden = asked
    scores[4, 2] = np.nan
    with pytest.raises(ValueError, match="a score is NaN"):
        ranks_of_hidden(scores, history, hidden)


def test_what_is_known_is_not_hidden(asked):
    scores, history, hidden = asked
    history[0, hidden[0]] = True
    with pytest.raises(ValueError, match="in the visitor's history"):
        ranks_of_hidden(scores, history, hidden)
