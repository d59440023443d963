"""The task ``shakespeare``: the next character, against counted n-grams."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.shakespeare import load_shakespeare
from gpu_course.tasks.ngrams import NGrams
from gpu_course.tasks.task import Task
from gpu_course.tasks.transformer import Cache, CharacterModel, Shape
from gpu_course.training.recipe import Recipe

CONTEXT = 64  # characters that the network reads
TRAIN, VALIDATION = 0.9, 0.05  # of the text; what comes after is held out
SHAPE = Shape(width=96, heads=4, layers=3, reach=4)
ORDERS = (5, 7)  # of the n-grams; on the validation part 7 is the best
KNOWN = (1, 2, 4, 8, 16, CONTEXT)  # characters before the one to be guessed


@dataclass(frozen=True)
class Plays:
    """The text in three parts, one after the other.

    Attributes
    ----------
    train : TensorDataset
        Windows of CONTEXT + 1 characters, each half a window after the last.
    text, validation, held_out : torch.Tensor
        Characters as whole numbers; `text` is what the windows are cut from.
    characters : str
        All kinds of characters; their places are the numbers.
    """

    train: TensorDataset
    text: torch.Tensor
    validation: torch.Tensor
    held_out: torch.Tensor
    characters: str

    def numbers(self, text: str) -> torch.Tensor:
        """Return the numbers (N,) of the characters, on the CPU."""
        return torch.tensor([self.characters.index(c) for c in text])

    def written(self, numbers: torch.Tensor) -> str:
        """Return the text of these numbers."""
        return "".join(self.characters[i] for i in numbers.tolist())


def windows(text: torch.Tensor) -> torch.Tensor:
    """Return windows of the text, (N, CONTEXT + 1), a view of it."""
    return text.unfold(0, CONTEXT + 1, CONTEXT // 2)


def load(device: torch.device) -> Plays:
    """Return the three parts of the plays on the device."""
    text = load_shakespeare()
    characters = "".join(sorted(set(text)))
    place = {c: i for i, c in enumerate(characters)}
    numbers = torch.tensor([place[c] for c in text], device=device)
    cuts = [int(TRAIN * len(text)), int(VALIDATION * len(text))]
    train, validation, held_out = numbers.split([*cuts, len(text) - sum(cuts)])
    return Plays(
        TensorDataset(windows(train)), train, validation, held_out, characters
    )


def loss(model: torch.nn.Module, text: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each window's next characters, in nats."""
    logits = model(text[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].ravel())


def surprises(model: torch.nn.Module, windows: torch.Tensor) -> torch.Tensor:
    """Return -log2 p of each character but the first, (N, T - 1).

    Parameters
    ----------
    model : torch.nn.Module
    windows : torch.Tensor
        (N, T). A character is predicted from those before it in its window.
    """
    parts = []
    with torch.no_grad():
        for part in windows.split(128):
            logits = model(part[:, :-1]).transpose(1, 2)
            nats = functional.cross_entropy(
                logits, part[:, 1:], reduction="none"
            )
            parts.append(nats / math.log(2))
    return torch.cat(parts)


def bits_per_character(model: torch.nn.Module, text: torch.Tensor) -> float:
    """Return the mean of -log2 p over a text (N,).

    Only the second half of each window counts, so each character is predicted
    from at least CONTEXT / 2 others. As the windows overlap by half, all
    characters but the first CONTEXT / 2 count, and those at the very end that
    fill no window.
    """
    return surprises(model, windows(text))[:, CONTEXT // 2 :].mean().item()


def judge(model: torch.nn.Module, data: Plays) -> dict[str, float]:
    """Return bits per character of the held-out text.

    First of all characters, then of some that are guessed again and again,
    with 1, 2, 4, … characters before them known.
    """
    text = data.held_out
    measures = {"bits per character": bits_per_character(model, text)}
    for known in KNOWN:
        bits = surprises(model, some_windows(text, known))[:, -1].mean()
        measures[f"bits, {known} known"] = bits.item()
    return measures


def some_windows(text: torch.Tensor, known: int) -> torch.Tensor:
    """Return windows (N, known + 1) that end at the same characters.

    Parameters
    ----------
    text : torch.Tensor
    known : int
        At most CONTEXT.
    """
    return windows(text)[:, CONTEXT - known :]


def ngram_bits(model: NGrams, text: torch.Tensor) -> float:
    """Return the n-grams' mean of -log2 p, of the characters that count.

    These are the characters of `bits_per_character`.
    """
    half = CONTEXT // 2
    end = half + 1 + windows(text).shape[0] * half
    p = model.probabilities(text[:end].cpu().numpy(), half + 1)
    return float(-np.log2(p).mean())


def counted(data: Plays) -> dict[str, float]:
    """Return bits per character of n-grams counted in the training text."""
    text = data.text.cpu().numpy()
    return {
        f"{order}-gram: bits per character": ngram_bits(
            NGrams(text, order, len(data.characters)), data.held_out
        )
        for order in ORDERS
    }


def write(
    model: CharacterModel,
    start: torch.Tensor,
    length: int,
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> torch.Tensor:
    """Return the characters (length,) that the network draws after a start.

    Parameters
    ----------
    model : CharacterModel
    start : torch.Tensor
        Characters (N,), at least one.
    length : int
    temperature : float
        What the logits are divided by: below 1 the likely becomes likelier.
    seed : int
        Of the draws.

    Notes
    -----
    The network reads one character at a time and keeps keys and values. When
    CONTEXT characters are read it begins anew with the last half of them.
    """
    generator = torch.Generator().manual_seed(seed)
    text = start.tolist()
    device = next(model.parameters()).device
    cache, unread = None, text[-CONTEXT // 2 :]
    with torch.no_grad():
        for _ in range(length):
            if cache is None or cache.length == CONTEXT:
                cache = Cache(model.stack.shape, 1, CONTEXT, device)
                unread = text[-CONTEXT // 2 :]
            logits = model(torch.tensor([unread], device=device), cache)
            p = (logits[0, -1].cpu() / temperature).softmax(-1)
            drawn = torch.multinomial(p, 1, generator=generator).item()
            text.append(drawn)
            unread = [drawn]
    return torch.tensor(text[len(start) :])


TASKS = {
    "shakespeare": Task(
        name="shakespeare",
        recipe=Recipe(
            "adam",
            6e-3,
            16,
            2,
            schedule="one-cycle",
            weight_decay=0.1,
            max_norm=1.0,
        ),
        load=load,
        build=lambda data: CharacterModel(len(data.characters), SHAPE),
        loss=loss,
        judge=judge,
        baseline=counted,
        measure="bits per character",
        higher_is_better=False,
    )
}
