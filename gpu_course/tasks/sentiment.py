"""The task ``sentiment``: whether a review sentence is positive."""

import hashlib
import re
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.sentiment import Sentence, load_sentences
from gpu_course.tasks.task import Task
from gpu_course.tasks.tfidf import TfIdf, word_ngrams
from gpu_course.training.recipe import Recipe

FIFTHS = 5  # a fifth of the sentences is held out
LONGEST = 2  # words in a piece
RAREST = 1  # pieces of fewer training sentences are left out
WIDTH = 32
DROPOUT = 0.3
DECAY = 1e-5  # of the regression's weights


@dataclass(frozen=True)
class Reviews:
    """The sentences in two parts that share none.

    Attributes
    ----------
    train, held_out : TensorDataset
        Numbers of the pieces of each sentence (N, longest), filled up with 0,
        and labels (N,), 1 for positive.
    train_sentences, held_out_sentences : tuple of Sentence
        The same, as text.
    pieces : dict of str to int
        Numbers from 1 of the words and pairs of words.
    """

    train: TensorDataset
    held_out: TensorDataset
    train_sentences: tuple[Sentence, ...]
    held_out_sentences: tuple[Sentence, ...]
    pieces: dict[str, int]


def fifth(text: str) -> int:
    """Return a number from 0 to 4 that depends on the letters alone."""
    letters = "".join(re.findall(r"\w", text.lower()))
    digest = hashlib.sha256(letters.encode()).digest()
    return int.from_bytes(digest[:8], "big") % FIFTHS


def without_repeats(sentences: list[Sentence]) -> list[Sentence]:
    """Return the sentences without those whose letters came before."""
    first: dict[str, Sentence] = {}
    for sentence in sentences:
        letters = "".join(re.findall(r"\w", sentence.text.lower()))
        first.setdefault(letters, sentence)
    return list(first.values())


def pieces_of(text: str) -> list[str]:
    """Return the words and the pairs of words of a text."""
    return word_ngrams(text, LONGEST)


def split(
    held_out: int, device: torch.device, among: list[Sentence] | None = None
) -> Reviews:
    """Return the sentences with one of the five parts held out.

    Parameters
    ----------
    held_out : int
        Its number, 0 to 4.
    device : torch.device
    among : list of Sentence, optional
        Default: all sentences, each once.
    """
    if among is None:
        among = without_repeats(load_sentences())
    train = tuple(s for s in among if fifth(s.text) != held_out)
    rest = tuple(s for s in among if fifth(s.text) == held_out)
    counted = TfIdf([s.text for s in train], pieces_of, RAREST)
    pieces = {piece: i + 1 for piece, i in counted.place.items()}
    return Reviews(
        _tensors(train, pieces, device),
        _tensors(rest, pieces, device),
        train,
        rest,
        pieces,
    )


def load(device: torch.device) -> Reviews:
    """Return the sentences with part 0 held out, on the device."""
    return split(0, device)


def _tensors(sentences, pieces, device):
    rows = [
        torch.tensor([pieces[p] for p in pieces_of(s.text) if p in pieces])
        for s in sentences
    ]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True).long()
    labels = torch.tensor([int(s.positive) for s in sentences])
    return TensorDataset(ids.to(device), labels.to(device))


class MeanOfPieces(nn.Module):
    """A vector for each piece, their mean, a linear layer: fastText.

    A. Joulin, E. Grave, P. Bojanowski and T. Mikolov, "Bag of tricks for
    efficient text classification", 2017, arXiv:1607.01759.

    Parameters
    ----------
    pieces : int
        Number of different pieces.
    width : int
        Numbers in a vector.
    dropout : float
        The share of each sentence's pieces that a training step doesn't see.
    """

    def __init__(
        self, pieces: int, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__()
        self.vectors = nn.Embedding(pieces + 1, width, padding_idx=0)
        self.dropout = dropout
        self.logits = nn.Linear(width, 2)

    def forward(self, ids):
        """Return logits (N, 2) for the numbers of pieces (N, longest)."""
        seen = (ids > 0).float()
        seen = functional.dropout(seen, self.dropout, self.training)
        total = (self.vectors(ids) * seen.unsqueeze(-1)).sum(1)
        count = (ids > 0).sum(1, keepdim=True).clamp(min=1)
        return self.logits(total / count)


def judge(model: nn.Module, data: Reviews) -> dict[str, float]:
    """Return the accuracy, 0 to 1, on the held-out sentences."""
    ids, labels = data.held_out.tensors
    right = model(ids).argmax(1) == labels
    return {"accuracy": right.float().mean().item()}


def regression(
    data: Reviews, decay: float = DECAY
) -> tuple[TfIdf, torch.Tensor, torch.Tensor]:
    """Return tf-idf, weights (pieces,) and bias of a logistic regression.

    The mean cross-entropy plus ``decay / 2`` times the sum of the squared
    weights is minimised by L-BFGS to the end, on the CPU.
    """
    texts = [s.text for s in data.train_sentences]
    labels = torch.tensor([float(s.positive) for s in data.train_sentences])
    tfidf = TfIdf(texts, pieces_of, RAREST)
    inputs = tfidf(texts)
    weights = torch.zeros(inputs.shape[1], 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=200, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        logits = torch.sparse.mm(inputs, weights)[:, 0] + bias
        value = functional.binary_cross_entropy_with_logits(logits, labels)
        value = value + decay / 2 * weights.square().sum()
        value.backward()
        return value

    optimizer.step(closure)
    return tfidf, weights.detach()[:, 0], bias.detach()


def counted(data: Reviews) -> dict[str, float]:
    """Return the accuracy of the regression on the held-out sentences."""
    with torch.enable_grad():
        tfidf, weights, bias = regression(data)
    inputs = tfidf([s.text for s in data.held_out_sentences])
    positive = (inputs @ weights + bias > 0).tolist()
    truth = [s.positive for s in data.held_out_sentences]
    right = sum(a == b for a, b in zip(positive, truth, strict=True))
    return {"logistic regression: accuracy": right / len(truth)}


TASKS = {
    "sentiment": Task(
        name="sentiment",
        recipe=Recipe(
            "adam", 1e-2, 32, 10, schedule="one-cycle", weight_decay=1.0
        ),
        load=load,
        build=lambda data: MeanOfPieces(len(data.pieces)),
        loss=None,
        judge=judge,
        baseline=counted,
        measure="accuracy",
    )
}
