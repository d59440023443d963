"""Medians and their confidence intervals."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

EXACT = 500  # above this, ranks are approximate
FEWEST = 6  # 1 - 2 / 2**6 is 97 %; five values can't reach 95 %


@dataclass(frozen=True)
class Interval:
    """An interval that holds the median of a sample's distribution.

    Attributes
    ----------
    low, high : float
    confidence : float
        The probability that such an interval holds the median. It is at least
        the one asked for, unless the sample is too small.
    effective : float
        The number of independent values that would tell as much.
    """

    low: float
    high: float
    confidence: float
    effective: float


def median_interval(
    values: Sequence[float], confidence: float = 0.95
) -> Interval:
    """Return an interval of the median, bounded by two of the values.

    The number of values below the median is binomial, whatever the
    distribution of the values. So the k-th smallest and the k-th largest value
    enclose the median with probability ``1 - 2 P(fewer than k of n below)``.
    Successive measurements aren't independent, so n is divided by the
    correlation time of "above or below the median".

    Parameters
    ----------
    values : sequence of float
        In order of measurement.

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If there are no values.

    Notes
    -----
    Order statistics: H. A. David and H. N. Nagaraja, Order Statistics, 3rd
    edition, 2003, section 7.1.
    """
    if not values:
        raise ValueError("values must hold at least one, got none")
    count = len(values)
    effective = count / correlation_time(values)
    trials = max(min(count, FEWEST), int(effective))
    rank, reached = _rank(trials, confidence)
    # The rank at the same share of the whole sample.
    rank = max(1, int(rank * count / trials))
    ordered = sorted(values)
    return Interval(ordered[rank - 1], ordered[-rank], reached, effective)


def quartile_range(values: Sequence[float]) -> float:
    """Return the interquartile range; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return high - low


def correlation_time(values: Sequence[float]) -> float:
    """Return how many values are worth one independent value, at least 1.

    This is ``1 + 2 Σ ρ(k)`` over the first lags whose ρ exceeds its noise.
    Here ρ is the autocorrelation of whether a value is above the median.
    """
    count = len(values)
    middle = statistics.median(values)
    signs = [(value > middle) - (value < middle) for value in values]
    power = sum(sign * sign for sign in signs)
    if count < 2 * FEWEST or power == 0:
        return 1.0
    total, noise = 1.0, 1 / math.sqrt(count)
    for lag in range(1, count // 4):
        both = zip(signs, signs[lag:], strict=False)
        rho = sum(one * other for one, other in both) / power
        if rho < noise:
            break
        total += 2 * rho
    return total


def _rank(trials, confidence):
    """Return the largest rank that reaches the confidence, and its own."""
    if trials > EXACT:  # the binomial is nearly normal here
        width = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
        return int((trials - width * math.sqrt(trials)) / 2), confidence
    below = 0.0  # P(fewer than rank of the trials fall below)
    rank, reached = 1, 1 - 2 * 0.5**trials
    for successes in range(trials // 2):
        below += math.comb(trials, successes) * 0.5**trials
        if 1 - 2 * below < confidence:
            break
        rank, reached = successes + 1, 1 - 2 * below
    return rank, max(0.0, reached)
