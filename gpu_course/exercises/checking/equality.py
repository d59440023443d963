"""Compare an answer's arrays with the expected ones."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def copied(arguments: Iterable[Any]) -> list[Any]:
    """Return the arguments with copied arrays.

    If an argument has a method ``fresh``, such as a simulated machine, that
    method returns its initial state.
    """
    return [_own(argument) for argument in arguments]


def _own(argument):
    if isinstance(argument, np.ndarray):
        return argument.copy()
    return argument.fresh() if hasattr(argument, "fresh") else argument


def equal(one: Any, two: Any) -> bool:
    """Return whether two values have the same bits; all NaNs are equal."""
    one, two = np.asarray(one), np.asarray(two)
    nan = one.dtype.kind in "fc"
    return np.array_equal(one, two, equal_nan=nan)


def wrong_elements(
    expected: np.ndarray, got: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return where two arrays differ by more than a relative tolerance.

    The tolerance is relative to the largest expected value: a sum of many
    rounded terms has an error of that size even if the sum is near zero.

    Parameters
    ----------
    expected, got : array of the same shape
    tolerance : float

    Returns
    -------
    bool array
    """
    if expected.dtype.kind not in "fc" or tolerance == 0:
        same = expected == got
        if expected.dtype.kind in "fc":
            same |= np.isnan(expected) & np.isnan(got)
        return ~same
    with np.errstate(all="ignore"):
        finite = np.abs(expected[np.isfinite(expected)])
        allowed = tolerance * max(finite.max(initial=0.0), 1e-30)
        near = np.abs(expected - got) <= allowed
        same = (expected == got) | (np.isnan(expected) & np.isnan(got))
    return ~(near | same)
