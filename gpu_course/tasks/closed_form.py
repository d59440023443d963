"""Recommenders that need no training: popularity, item cosine, EASE.

Each returns what a visitor's history is multiplied by, or is added to, to get
a score for each item. They are the baselines of the task ``recommend``.
"""

import numpy as np


def popularity(visited: np.ndarray) -> np.ndarray:
    """Return how many visitors each item has.

    Parameters
    ----------
    visited : bool array (visitors, items)

    Returns
    -------
    float array (items,)
        The same scores for every visitor.
    """
    return visited.sum(axis=0, dtype=np.float64)


def item_cosine(visited: np.ndarray) -> np.ndarray:
    """Return the cosine between the columns of each two items, 0 for itself.

    Parameters
    ----------
    visited : bool array (visitors, items)

    Returns
    -------
    float array (items, items)
        ``history @ item_cosine(visited)`` are the scores.
    """
    together = _together(visited)
    norms = np.sqrt(np.maximum(np.diag(together), 1))
    cosine = together / norms / norms[:, None]
    np.fill_diagonal(cosine, 0)
    return cosine


def ease(visited: np.ndarray, penalty: float) -> np.ndarray:
    """Return the item–item weights of EASE, in closed form.

    The weights B minimise ``|X - X B|² + penalty |B|²`` with a diagonal of
    zeros, X being the visits. With P the inverse of ``XᵀX + penalty I`` they
    are ``-P[i, j] / P[j, j]``.

    Parameters
    ----------
    visited : bool array (visitors, items)
    penalty : float
        Positive.

    Returns
    -------
    float array (items, items)
        ``history @ ease(visited, penalty)`` are the scores.

    Raises
    ------
    ValueError
        If the penalty isn't positive.

    Notes
    -----
    H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019,
    arXiv:1905.03375, equation 8.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be positive, got {penalty}")
    together = _together(visited)
    inverse = np.linalg.inv(together + penalty * np.eye(len(together)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def _together(visited):
    """Return how many visitors each two items share: XᵀX."""
    x = visited.astype(np.float64)
    return x.T @ x
