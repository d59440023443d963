"""The task ``translate``: short English sentences into Chinese."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.english_chinese import load_pairs
from gpu_course.tasks.chrf import chrf
from gpu_course.tasks.task import Task
from gpu_course.tasks.tfidf import TfIdf, nearest, runs, word_ngrams, words
from gpu_course.tasks.transformer import Cache, Shape, Stack
from gpu_course.training.recipe import Recipe

ENGLISH, CHINESE = 30, 14  # characters that a sentence has at most
PARTS = 14  # one is held out, one is for choices
SHAPE = Shape(width=96, heads=4, layers=2)
DROPOUT = 0.1
NOTHING, START, END, UNKNOWN = range(4)  # before the words or characters
RAREST = 2  # a rarer word is UNKNOWN; so is a rarer Chinese character
SMOOTHING = 0.1
LONGEST = 4  # characters in a piece, for the nearest sentence


@dataclass(frozen=True)
class Sentences:
    """English sentences, each with all its Chinese translations.

    Attributes
    ----------
    english : tuple of str
    chinese : tuple of tuples of str
    """

    english: tuple[str, ...]
    chinese: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bilingual:
    """The pairs in three parts that share no English sentence.

    Attributes
    ----------
    train : TensorDataset
        Numbers of the English words (N, longest) and of START, the Chinese
        characters and END (N, CHINESE + 2), filled up with NOTHING.
    sentences, validation, held_out : Sentences
        `sentences` are those that `train` is made of.
    words, characters : dict of str to int
        Numbers of the words and characters, from UNKNOWN + 1.
    """

    train: TensorDataset
    sentences: Sentences
    validation: Sentences
    held_out: Sentences
    words: dict[str, int]
    characters: dict[str, int]


def part(english: str) -> int:
    """Return a number from 0 to 13 that depends on the words alone."""
    spoken = " ".join(w for w in words(english) if w[0].isalnum())
    digest = hashlib.sha256(spoken.encode()).digest()
    return int.from_bytes(digest[:8], "big") % PARTS


def load(device: torch.device) -> Bilingual:
    """Return the short pairs in three parts, the numbers on the device."""
    translations: dict[str, list[str]] = {}
    for pair in load_pairs():
        if len(pair.english) <= ENGLISH and len(pair.chinese) <= CHINESE:
            translations.setdefault(pair.english, []).append(pair.chinese)
    three: list[list[str]] = [[], [], []]
    for english in translations:
        three[min(part(english), 2)].append(english)
    held_out, validation, sentences = (
        Sentences(tuple(part), tuple(tuple(translations[e]) for e in part))
        for part in three
    )
    pairs = [
        (english, chinese)
        for english, all_chinese in zip(
            sentences.english, sentences.chinese, strict=True
        )
        for chinese in all_chinese
    ]
    known = _numbered(w for english, _ in pairs for w in words(english))
    characters = _numbered(c for _, chinese in pairs for c in chinese)
    train = TensorDataset(
        english_numbers([e for e, _ in pairs], known, device),
        _padded(
            [
                [START, *(characters.get(c, UNKNOWN) for c in chinese), END]
                for _, chinese in pairs
            ],
            device,
        ),
    )
    return Bilingual(train, sentences, validation, held_out, known, characters)


def english_numbers(
    sentences: Sequence[str], known: dict[str, int], device: torch.device
) -> torch.Tensor:
    """Return the numbers of the sentences' words, (N, longest)."""
    return _padded(
        [[known.get(w, UNKNOWN) for w in words(s)] for s in sentences], device
    )


def _numbered(found):
    counts = Counter(found)
    kept = sorted(one for one, times in counts.items() if times >= RAREST)
    return {one: i for i, one in enumerate(kept, UNKNOWN + 1)}


def _padded(rows, device):
    tensors = [torch.tensor(row) for row in rows]
    return nn.utils.rnn.pad_sequence(
        tensors, batch_first=True, padding_value=NOTHING
    ).to(device)


class Translator(nn.Module):
    """An encoder of English words and a decoder of Chinese characters.

    Parameters
    ----------
    words, characters : int
        How many kinds there are, with the four that stand for none.
    shape : Shape
        Of the encoder and of the decoder.
    dropout : float
    """

    def __init__(
        self,
        words: int,
        characters: int,
        shape: Shape = SHAPE,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.encoder = Stack(words, shape, dropout=dropout)
        self.decoder = Stack(characters, shape, True, dropout)
        self.logits = nn.Linear(shape.width, characters)

    def encode(
        self, english: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the encoder's output (N, S, width) and what to look at."""
        mask = (english != NOTHING)[:, None, None]
        return self.encoder(english, causal=False, mask=mask), mask

    def decode(
        self,
        chinese: torch.Tensor,
        encoded: torch.Tensor,
        mask: torch.Tensor,
        cache: Cache | None = None,
    ) -> torch.Tensor:
        """Return logits (N, T, characters) of what follows."""
        return self.logits(
            self.decoder(
                chinese, cache, causal=True, other=encoded, other_mask=mask
            )
        )

    def forward(self, english, chinese):
        """Return logits (N, T, characters) for both texts."""
        return self.decode(chinese, *self.encode(english))


def loss(
    model: Translator, english: torch.Tensor, chinese: torch.Tensor
) -> torch.Tensor:
    """Return the cross-entropy of the Chinese characters and the END."""
    logits = model(english, chinese[:, :-1])
    return functional.cross_entropy(
        logits.flatten(0, 1),
        chinese[:, 1:].flatten(),
        ignore_index=NOTHING,
        label_smoothing=SMOOTHING,
    )


def translate(
    model: Translator, sentences: Sequence[str], data: Bilingual
) -> list[str]:
    """Return a Chinese sentence for each English one.

    Each time the likeliest character is taken, until END, with keys and values
    kept. A character that the network doesn't know is never written.
    """
    device = next(model.parameters()).device
    names = {number: c for c, number in data.characters.items()}
    with torch.no_grad():
        english = english_numbers(sentences, data.words, device)
        encoded, mask = model.encode(english)
        cache = Cache(model.decoder.shape, len(sentences), CHINESE + 1, device)
        last = torch.full((len(sentences), 1), START, device=device)
        written = []
        for _ in range(CHINESE):
            logits = model.decode(last, encoded, mask, cache)
            logits[..., [NOTHING, START, UNKNOWN]] = -torch.inf
            last = logits.argmax(-1)
            written.append(last)
    rows = torch.cat(written, 1).tolist()
    return ["".join(_until_end(row, names)) for row in rows]


def _until_end(row, names):
    for number in row:
        if number == END:
            return
        yield names[number]


def judge(model: nn.Module, data: Bilingual) -> dict[str, float]:
    """Return chrF, 0 to 1, on the held-out sentences."""
    said = translate(cast(Translator, model), data.held_out.english, data)
    return {"chrF": chrf(said, data.held_out.chinese)}


def pieces_of(english: str) -> list[str]:
    """Return words, pairs of words, and runs of up to LONGEST characters."""
    return word_ngrams(english, 2) + runs(f"<{english.lower()}>", LONGEST)


def nearest_sentences(sentences: Sequence[str], among: Sentences) -> list[int]:
    """Return for each sentence the place of the nearest of the others."""
    tfidf = TfIdf(among.english, pieces_of)
    return nearest(tfidf(sentences), tfidf(among.english))


def retrieved(data: Bilingual) -> dict[str, float]:
    """Return chrF of the nearest training sentence's first translation."""
    said = [
        data.sentences.chinese[i][0]
        for i in nearest_sentences(data.held_out.english, data.sentences)
    ]
    return {"nearest sentence: chrF": chrf(said, data.held_out.chinese)}


TASKS = {
    "translate": Task(
        name="translate",
        recipe=Recipe(
            "adam",
            2.5e-3,
            64,
            10,
            schedule="one-cycle",
            weight_decay=0.1,
            max_norm=1.0,
        ),
        load=load,
        build=lambda data: Translator(
            len(data.words) + 4, len(data.characters) + 4
        ),
        loss=loss,
        judge=judge,
        baseline=retrieved,
        measure="chrF",
    )
}
