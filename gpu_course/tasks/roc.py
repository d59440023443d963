"""How well a score tells two kinds of pairs apart: ROC, AUC, equal errors."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic.

    Attributes
    ----------
    thresholds : float32 tensor (K,)
        Falling. A pair with at least this score is called the same.
    false_accepts, true_accepts : float64 tensor (K + 1,)
        The share of the different pairs, and of the same pairs, that is
        called the same: first at no threshold that any pair reaches, then at
        each of `thresholds`.
    """

    thresholds: torch.Tensor
    false_accepts: torch.Tensor
    true_accepts: torch.Tensor

    @property
    def area(self) -> float:
        """The area under the curve, AUC, from 0 to 1.

        It is the probability that a same pair has a higher score than a
        different pair; equal scores count one half.
        """
        return float(torch.trapezoid(self.true_accepts, self.false_accepts))

    @property
    def equal_error(self) -> float:
        """The error where as many same as different pairs are mistaken.

        Between two points of the curve it is read off the straight line.
        """
        missed = 1 - self.true_accepts
        gap = self.false_accepts - missed  # from -1, rising, to 1
        after = int((gap >= 0).int().argmax())
        if after == 0:
            return float(missed[0])
        low, high = -gap[after - 1], gap[after]
        part = low / (low + high)
        before = missed[after - 1]
        return float(before + part * (missed[after] - before))


def roc(scores: torch.Tensor, same: torch.Tensor) -> Roc:
    """Return the curve of a score that should be higher for same pairs.

    Parameters
    ----------
    scores : float32 tensor (N,)
    same : bool tensor (N,)

    Raises
    ------
    ValueError
        If all pairs are of one kind.
    """
    scores, order = scores.sort(descending=True)
    same = same[order]
    positives = int(same.sum())
    if positives in (0, len(same)):
        raise ValueError("there must be same pairs and different pairs")
    last = torch.ones(len(scores), dtype=torch.bool)  # of equal scores
    last[:-1] = scores[1:] != scores[:-1]
    zero = torch.zeros(1, dtype=torch.float64)
    hits = same.cumsum(0)
    misses = torch.arange(1, len(same) + 1) - hits
    shares = (
        count[last].double() / total
        for count, total in (
            (misses, len(same) - positives),
            (hits, positives),
        )
    )
    false_accepts, true_accepts = (torch.cat([zero, s]) for s in shares)
    return Roc(scores[last], false_accepts, true_accepts)


def pair_scores(
    vectors: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all pairs' cosines, and whether their labels are the same.

    Parameters
    ----------
    vectors : float32 tensor (N, D)
    labels : int64 tensor (N,)

    Returns
    -------
    scores : float32 tensor (N (N - 1) / 2,)
    same : bool tensor (N (N - 1) / 2,)
    """
    unit = torch.nn.functional.normalize(vectors)
    one, two = torch.triu_indices(len(labels), len(labels), 1)
    return (unit @ unit.T)[one, two], labels[one] == labels[two]
