"""Judge a recommender: hide one visit of each visitor, and rank it.

Two measures: the share of visitors whose hidden visit is among the first k
recommended items, and the mean of the reciprocal ranks.
"""

import numpy as np


def hide_one(
    visited: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of each visitor's visits, and the hidden one.

    Visitors with fewer than two visits are left out: nothing would be left.

    Parameters
    ----------
    visited : bool array (visitors, items)
    seed : int
        Decides which visit of each visitor is hidden, all equally likely.

    Returns
    -------
    history : bool array (kept visitors, items)
    hidden : int array (kept visitors,)
    """
    kept = visited[visited.sum(axis=1) >= 2]
    draws = np.random.default_rng(seed).random(kept.shape)
    hidden = np.where(kept, draws, -1).argmax(axis=1)
    history = kept.copy()
    history[np.arange(len(kept)), hidden] = False
    return history, hidden


def ranks_of_hidden(
    scores: np.ndarray, history: np.ndarray, hidden: np.ndarray
) -> np.ndarray:
    """Return the rank of each hidden item among the items not visited.

    The highest score has the rank 1. Items with the same score share the mean
    of their ranks, so that a recommender gains nothing from saying the same of
    all items.

    Parameters
    ----------
    scores : float array (visitors, items)
    history : bool array (visitors, items)
        What each visitor is known to have visited; not ranked.
    hidden : int array (visitors,)

    Returns
    -------
    float array (visitors,)

    Raises
    ------
    ValueError
        If a score is NaN, which has no rank, or a hidden item is in the
        history.
    """
    if np.isnan(scores).any():
        raise ValueError("a score is NaN, so it can't be ranked")
    rows = np.arange(len(hidden))
    if history[rows, hidden].any():
        raise ValueError("a hidden item is in the visitor's history")
    own = scores[rows, hidden][:, None]
    higher = ((scores > own) & ~history).sum(axis=1)
    equal = ((scores == own) & ~history).sum(axis=1) - 1  # without itself
    return 1 + higher + equal / 2


def hit_rate_at(ranks: np.ndarray, k: int = 10) -> float:
    """Return the share of ranks that are k or better."""
    return float(np.mean(ranks <= k))


def mean_reciprocal_rank(ranks: np.ndarray) -> float:
    """Return the mean of 1 / rank: 1 if each hidden item comes first."""
    return float(np.mean(1 / ranks))


def ranking_measures(
    scores: np.ndarray, history: np.ndarray, hidden: np.ndarray
) -> dict[str, float]:
    """Return both measures, by name; parameters as in `ranks_of_hidden`."""
    ranks = ranks_of_hidden(scores, history, hidden)
    return {
        "hit rate at 10": hit_rate_at(ranks),
        "MRR": mean_reciprocal_rank(ranks),
    }
