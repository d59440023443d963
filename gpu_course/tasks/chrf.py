"""chrF: how many short runs of characters a translation shares with others.

M. Popović, "chrF: character n-gram F-score for automatic MT evaluation",
WMT 2015, doi:10.18653/v1/W15-3049. Of several references the nearest counts,
and lengths that a text doesn't have are left out, as in sacreBLEU.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

LONGEST = 6  # characters in a run
BETA = 2.0  # recall counts so many times as much as precision


def chrf(
    translations: Sequence[str],
    references: Sequence[Sequence[str]],
    longest: int = LONGEST,
    beta: float = BETA,
) -> float:
    """Return the score of all translations together, from 0 to 1.

    Parameters
    ----------
    translations : sequence of str
    references : sequence of sequences of str
        For each translation at least one. Spaces are left out.
    longest : int
    beta : float

    Raises
    ------
    ValueError
        If there are no translations, or not as many lists of references.
    """
    if not translations or len(translations) != len(references):
        raise ValueError(
            "as many lists of references as translations are needed, got "
            f"{len(references)} for {len(translations)}"
        )
    total = np.zeros((longest, 3))
    for translation, right in zip(translations, references, strict=True):
        counts = [_count(translation, one, longest) for one in right]
        total += max(counts, key=lambda count: _score(count, beta))
    return _score(total, beta)


def _runs(text, length):
    text = "".join(text.split())
    return Counter(text[i : i + length] for i in range(len(text) - length + 1))


def _count(translation, reference, longest):
    """Return for each length the runs in both, in one, and in the other."""
    rows = []
    for length in range(1, longest + 1):
        said, right = _runs(translation, length), _runs(reference, length)
        shared = (said & right).total()
        # Runs that are longer than the reference are no mistakes.
        rows.append((shared, said.total() * bool(right), right.total()))
    return np.array(rows)


def _score(counts, beta):
    """Return F of the mean precision and the mean recall."""
    counts = counts[(counts[:, 1] > 0) & (counts[:, 2] > 0)]
    if not len(counts):
        return 0.0
    precision = (counts[:, 0] / counts[:, 1]).mean()
    recall = (counts[:, 0] / counts[:, 2]).mean()
    if precision + recall == 0:
        return 0.0
    both = (1 + beta**2) * precision * recall
    return float(both / (beta**2 * precision + recall))
