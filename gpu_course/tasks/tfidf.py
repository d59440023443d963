"""Texts as weighted counts of their words or pieces: tf-idf."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import torch

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")


def words(text: str) -> list[str]:
    """Return the words and the marks of a text, in lower case."""
    return WORD.findall(text.lower().replace("’", "'"))


def word_ngrams(text: str, longest: int) -> list[str]:
    """Return the words, and the runs of up to `longest` words."""
    return runs(words(text), longest, " ")


def runs(parts: Sequence[str], longest: int, joint: str = "") -> list[str]:
    """Return each run of 1 to `longest` parts, joined."""
    return [
        joint.join(parts[i : i + length])
        for length in range(1, longest + 1)
        for i in range(len(parts) - length + 1)
    ]


class TfIdf:
    """The weights of a text's pieces: often in it, and rare elsewhere.

    A piece that occurs t times in a text, and in d of the N texts that were
    counted, weighs (1 + ln t) · (1 + ln((1 + N) / (1 + d))). Each text is
    then scaled to length 1, so a dot product is a cosine.

    Parameters
    ----------
    texts : sequence of str
        The texts to count: of a training set, no others.
    split : callable
        From a text to the list of its pieces.
    rarest : int
        Pieces that are in fewer texts are left out.
    """

    def __init__(
        self,
        texts: Sequence[str],
        split: Callable[[str], list[str]],
        rarest: int = 1,
    ) -> None:
        self.split = split
        found = Counter(p for text in texts for p in set(split(text)))
        kept = sorted(p for p, times in found.items() if times >= rarest)
        self.place = {piece: i for i, piece in enumerate(kept)}
        inside = np.array([found[piece] for piece in kept])
        self.rarity = 1 + np.log((1 + len(texts)) / (1 + inside))

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the weights, a sparse tensor (texts, pieces) of float32."""
        width = len(self.place)
        found = [
            row * width + self.place[piece]
            for row, text in enumerate(texts)
            for piece in self.split(text)
            if piece in self.place
        ]
        cells, times = np.unique(np.array(found, np.int64), return_counts=True)
        row, column = cells // width, cells % width
        weight = (1 + np.log(times)) * self.rarity[column]
        length = np.sqrt(np.bincount(row, weight**2, len(texts)))
        return torch.sparse_coo_tensor(
            torch.tensor(np.array([row, column])),
            torch.tensor(weight / length[row], dtype=torch.float32),
            (len(texts), width),
            is_coalesced=True,
            check_invariants=False,
        )


def nearest(asked: torch.Tensor, kept: torch.Tensor) -> list[int]:
    """Return for each asked text the row of the nearest one that was kept.

    Parameters
    ----------
    asked, kept : torch.Tensor
        Weights of the same `TfIdf`. The nearest has the largest cosine; of
        equal ones, and for a text without a known piece, the first counts.
    """
    by_piece = kept.t().coalesce()
    piece, row = by_piece.indices().numpy()
    weight = by_piece.values().numpy()
    first = np.searchsorted(piece, np.arange(kept.shape[1] + 1))
    places = []
    for text in asked:
        rows, products = [np.array([0])], [np.array([0.0])]
        text = text.coalesce()
        pairs = zip(
            text.indices()[0].tolist(), text.values().tolist(), strict=True
        )
        for p, mine in pairs:
            rows.append(row[first[p] : first[p + 1]])
            products.append(mine * weight[first[p] : first[p + 1]])
        cosines = np.bincount(np.concatenate(rows), np.concatenate(products))
        places.append(int(cosines.argmax()))
    return places
