"""An n-gram model of characters: counts, smoothed so that none is impossible.

The smoothing is modified Kneser–Ney, interpolated: S. F. Chen and J. Goodman,
"An empirical study of smoothing techniques for language modeling", Computer
Speech and Language 13, 1999, doi:10.1006/csla.1999.0128.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Order:
    """The counts of all k-grams of one length, as sorted arrays.

    Attributes
    ----------
    grams, kept : numpy.ndarray
        The k-grams, as whole numbers, and their counts less the discount.
    contexts, totals, taken : numpy.ndarray
        Their first k - 1 characters, the sum of the counts that follow each,
        and the sum of the discounts.
    """

    grams: np.ndarray
    kept: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    taken: np.ndarray


class NGrams:
    """Probabilities of the next character from the few before it.

    Each length of context interpolates between what followed this context in
    the text and what the next shorter one says. A discount is taken off each
    count and handed to the shorter context. The shorter contexts count in how
    many different surroundings a k-gram occurs, not how often.

    Parameters
    ----------
    text : numpy.ndarray
        Characters as whole numbers from 0, shape (N,).
    order : int
        The characters of the longest k-gram: one more than the context.
    kinds : int
        How many different characters there are.

    Raises
    ------
    ValueError
        If a k-gram doesn't fit into 64 bits.
    """

    def __init__(self, text: np.ndarray, order: int, kinds: int) -> None:
        if order < 1 or kinds ** (order + 1) > 2**63:
            raise ValueError(
                f"order must be at least 1 and {kinds}^(order + 1) below "
                f"2^63, got {order}"
            )
        self.order, self.kinds = order, kinds
        text = np.asarray(text, np.int64)
        self._orders = []
        for length in range(1, order + 1):
            if length == order:
                grams = self._grams(text, length)
            else:  # how many characters come before it
                longer = np.unique(self._grams(text, length + 1))
                grams = longer % kinds**length
            self._orders.append(self._count(grams))

    @property
    def numbers(self) -> int:
        """How many counts the model holds."""
        return sum(len(o.grams) + 2 * len(o.contexts) for o in self._orders)

    def probabilities(self, text: np.ndarray, start: int) -> np.ndarray:
        """Return the probability of each character from `start` on.

        Parameters
        ----------
        text : numpy.ndarray
            Shape (..., N). Each character is predicted from those before it
            in its row.
        start : int
            At least ``order - 1``.

        Returns
        -------
        numpy.ndarray
            Shape (..., N - start).
        """
        text = np.asarray(text, np.int64)
        if start < self.order - 1:
            raise ValueError(
                f"start must be at least {self.order - 1}, got {start}"
            )
        p = np.full((*text.shape[:-1], text.shape[-1] - start), 1 / self.kinds)
        for length, order in enumerate(self._orders, 1):
            grams = self._grams(text[..., start - length + 1 :], length)
            context = grams // self.kinds
            total = _look_up(order.contexts, order.totals, context)
            taken = _look_up(order.contexts, order.taken, context)
            kept = _look_up(order.grams, order.kept, grams)
            mixed = (kept + taken * p) / np.maximum(total, 1)
            p = np.where(total > 0, mixed, p)
        return p

    def next_characters(self, context: np.ndarray) -> np.ndarray:
        """Return the probabilities (kinds,) of what follows a context."""
        ends = np.arange(self.kinds)
        short = np.asarray(context)[len(context) - self.order + 1 :]
        rows = np.column_stack([np.tile(short, (self.kinds, 1)), ends])
        return self.probabilities(rows, self.order - 1)[:, 0]

    def _grams(self, text, length):
        """Return each run of so many characters as one number."""
        count = text.shape[-1] - length + 1
        grams = np.zeros((*text.shape[:-1], count), np.int64)
        for i in range(length):
            grams = grams * self.kinds + text[..., i : i + count]
        return grams

    def _count(self, grams):
        grams, counts = np.unique(grams, return_counts=True)
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        contexts, first = np.unique(grams // self.kinds, return_index=True)
        return _Order(
            grams,
            counts - discounts,
            contexts,
            np.add.reduceat(counts, first),
            np.add.reduceat(discounts, first),
        )


def _discounts(counts):
    """Return what is taken off a count of 0, 1, 2, and 3 or more.

    Chen and Goodman 1999, section 3.4. Where the text has too few rare k-grams
    for their estimate, 1/2 is taken off each.
    """
    n = [np.count_nonzero(counts == times) for times in range(5)]
    if min(n[1:]) == 0:
        return np.array([0, 0.5, 0.5, 0.5])
    share = n[1] / (n[1] + 2 * n[2])
    taken = [k - (k + 1) * share * n[k + 1] / n[k] for k in (1, 2, 3)]
    return np.array([0, *np.clip(taken, 0.1, (0.9, 1.9, 2.9))])


def _look_up(keys, values, wanted):
    """Return the value of each wanted key, 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
