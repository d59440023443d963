"""Three networks that read an image row by row, as a sequence of vectors.

All take images (N, 1, T, 28), which are T steps of 28 numbers, for any T, and
return logits (N, 10). With the default sizes each has about 18,700 weights.
"""

import math

import torch
from torch import nn
from torch.nn import functional

STEP = 28  # numbers in a row: what a network reads at each step
CLASSES = 10
CELLS = {"rnn": (nn.RNN, 118), "gru": (nn.GRU, 64)}  # and their hidden size


class RecurrentRows(nn.Module):
    """A recurrence over the rows; the last state is classified.

    ``rnn`` is h_t = tanh(W x_t + U h_(t-1) + b). ``gru`` adds gates that keep
    a part of the old state (Cho et al. 2014, arXiv:1406.1078).

    Parameters
    ----------
    kind : {"rnn", "gru"}

    Raises
    ------
    ValueError
        If it is another kind.
    """

    def __init__(self, kind: str):
        super().__init__()
        if kind not in CELLS:
            raise ValueError(
                f"kind must be one of {', '.join(CELLS)}, got {kind!r}"
            )
        cell, hidden = CELLS[kind]
        self.recurrence = cell(STEP, hidden, batch_first=True)
        self.classify = nn.Linear(hidden, CLASSES)

    def forward(self, images):
        """Return logits (N, 10) for images (N, 1, T, 28)."""
        states, _ = self.recurrence(images.squeeze(1))
        return self.classify(states[:, -1])


class Block(nn.Module):
    """One layer of a transformer encoder: attention, then two linear layers.

    After Vaswani et al. 2017, arXiv:1706.03762, with the normalisation in
    front of each half.

    Parameters
    ----------
    width, heads, inner : int
        Numbers of each position, heads of the attention, numbers between the
        two linear layers.
    """

    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        """Return new vectors (N, T, width) for the vectors x of that shape."""
        qkv = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, size)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(self.up(self.norm2(x)).relu())


class TransformerRows(nn.Module):
    """A transformer encoder over the rows; the mean is classified.

    Parameters
    ----------
    width, heads, inner, layers : int
        The first three are those of `Block`.
    """

    def __init__(
        self, width: int = 32, heads: int = 2, inner: int = 66, layers: int = 2
    ):
        super().__init__()
        self.embed = nn.Linear(STEP, width)
        self.blocks = nn.Sequential(
            *(Block(width, heads, inner) for _ in range(layers))
        )
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, CLASSES)

    def forward(self, images):
        """Return logits (N, 10) for images (N, 1, T, 28)."""
        x = self.embed(images.squeeze(1))
        x = x + positions(x.shape[1], x.shape[2]).to(x)
        return self.classify(self.norm(self.blocks(x)).mean(1))


def positions(steps: int, width: int) -> torch.Tensor:
    """Return what marks each position: sines and cosines (steps, width).

    From Vaswani et al. 2017, section 3.5. Without it attention couldn't tell
    one order of the rows from another.
    """
    step = torch.arange(steps)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    return torch.cat([(step * rate).sin(), (step * rate).cos()], dim=1)
