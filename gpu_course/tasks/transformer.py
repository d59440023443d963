"""A small transformer that reads and writes text, with a key-value cache.

A. Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762, with
the normalisation before each part, and positions as rotations (J. Su et al.,
"RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021,
arXiv:2104.09864).
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

SLOWEST = 10_000.0  # characters a radian, of the slowest pair (Su et al.)


@dataclass(frozen=True)
class Shape:
    """The sizes of a transformer.

    Attributes
    ----------
    width : int
        The numbers that stand for a character, a multiple of 2 · heads.
    heads, layers : int
    reach : int
        How many characters enter a position: its own and those just before.
    """

    width: int
    heads: int
    layers: int
    reach: int = 1


class Cache:
    """The keys and values of the characters that were read, for each layer.

    Parameters
    ----------
    shape : Shape
    batch, capacity : int
        Texts side by side, and the characters that each may have.
    device : torch.device, optional

    Attributes
    ----------
    keys, values : torch.Tensor
        Shape (layers, batch, heads, capacity, width / heads), float32.
    length : int
        How many characters are in it.
    recent : torch.Tensor or None
        The last of them, (batch, reach - 1), which enter the next positions.
    """

    def __init__(
        self,
        shape: Shape,
        batch: int,
        capacity: int,
        device: torch.device | None = None,
    ) -> None:
        size = shape.width // shape.heads
        sizes = (shape.layers, batch, shape.heads, capacity, size)
        self.keys = torch.zeros(sizes, device=device)
        self.values = torch.zeros(sizes, device=device)
        self.length = 0
        self.recent: torch.Tensor | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes keys and values take."""
        return self.keys.nbytes + self.values.nbytes

    def add(
        self, layer: int, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store a layer's new keys and values; return all that it has.

        Raises
        ------
        ValueError
            If the cache is too small for them.
        """
        end = self.length + key.shape[2]
        if end > self.keys.shape[3]:
            raise ValueError(
                f"the cache has room for {self.keys.shape[3]} characters, "
                f"got {end}"
            )
        self.keys[layer, :, :, self.length : end] = key
        self.values[layer, :, :, self.length : end] = value
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


def rotate(x: torch.Tensor, start: int = 0) -> torch.Tensor:
    """Turn the pairs of numbers of each position by its angles.

    The dot product of a turned query and a turned key depends on how far apart
    they are, not on where they stand.

    Parameters
    ----------
    x : torch.Tensor
        Shape (..., T, size), for the positions ``start`` to ``start + T - 1``.
    start : int
    """
    half = x.shape[-1] // 2
    place = torch.arange(start, start + x.shape[-2], device=x.device)
    speed = SLOWEST ** (-torch.arange(half, device=x.device) / half)
    angle = place[:, None] * speed
    cosine, sine = angle.cos(), angle.sin()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1)


class Attention(nn.Module):
    """Each position takes a mean of other positions' values.

    Parameters
    ----------
    width, heads : int
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, heads, T, size) for (N, T, heads · size)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, source, *, causal, mask=None, cache=None, layer=0):
        """Return (N, T, width): what `x` takes from `source`.

        Parameters
        ----------
        x, source : torch.Tensor
            (N, T, width) and (N, S, width); the same tensor in a text.
        causal : bool
            Whether a position sees only itself and those before it. It also
            says that the positions are of one text.
        mask : torch.Tensor, optional
            (N, 1, 1, S), True where there is something to see.
        cache, layer : Cache and int, optional
            Where earlier keys and values are, and these will be.
        """
        query = self.split(self.query(x))
        key, value = map(self.split, self.key_value(source).chunk(2, -1))
        if x is source:
            start = cache.length if cache is not None else 0
            query, key = rotate(query, start), rotate(key, start)
        if cache is not None:
            key, value = cache.add(layer, key, value)
        taken = functional.scaled_dot_product_attention(
            query, key, value, mask, is_causal=causal and x.shape[1] > 1
        )
        return self.out(taken.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then a network of two layers for each position.

    Parameters
    ----------
    width, heads : int
    crossed : bool
        Whether it also looks at another text.
    dropout : float
    """

    def __init__(
        self, width: int, heads: int, crossed: bool, dropout: float
    ) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.crossing = Attention(width, heads) if crossed else None
        self.crossing_norm = nn.LayerNorm(width) if crossed else None
        self.network = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, *, other=None, other_mask=None, **options):
        """Return (N, T, width); `options` are those of the attention."""
        normed = self.norm(x)
        x = x + self.dropout(self.attention(normed, normed, **options))
        if self.crossing is not None:
            taken = self.crossing(
                self.crossing_norm(x), other, causal=False, mask=other_mask
            )
            x = x + self.dropout(taken)
        return x + self.dropout(self.network(x))


class Stack(nn.Module):
    """Characters in, a vector of numbers for each out.

    Parameters
    ----------
    kinds : int
        Number of different characters.
    shape : Shape
    crossed : bool
    dropout : float
    """

    def __init__(
        self,
        kinds: int,
        shape: Shape,
        crossed: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape, self.nothing = shape, kinds
        tables = [
            nn.Embedding(kinds + 1, shape.width) for _ in range(shape.reach)
        ]
        for table in tables:
            nn.init.normal_(table.weight, std=0.1)
        self.tables = nn.ModuleList(tables)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(shape.width, shape.heads, crossed, dropout)
            for _ in range(shape.layers)
        )
        self.norm = nn.LayerNorm(shape.width)

    def embed(self, text: torch.Tensor, cache: Cache | None) -> torch.Tensor:
        """Return (N, T, width): a vector for each character that enters.

        Each distance from the position has its own table.
        """
        before = self.shape.reach - 1
        recent = None if cache is None else cache.recent
        if recent is None:
            recent = text.new_full((len(text), before), self.nothing)
        text = torch.cat([recent, text], 1)
        if cache is not None:
            cache.recent = text[:, text.shape[1] - before :]
        parts = (
            table(text[:, before - back : text.shape[1] - back])
            for back, table in enumerate(self.tables)
        )
        return sum(parts, torch.zeros((), device=text.device))

    def forward(self, text, cache=None, **options):
        """Return (N, T, width) for characters (N, T).

        With a cache the text goes on where the cache ends: the first part may
        be long, after it come single characters; else it raises ValueError.
        """
        if cache is not None and cache.length and text.shape[1] > 1:
            raise ValueError(
                "after the first part a cache takes one character at a time, "
                f"got {text.shape[1]}"
            )
        x = self.dropout(self.embed(text, cache))
        for layer, block in enumerate(self.blocks):
            x = block(x, cache=cache, layer=layer, **options)
        if cache is not None:
            cache.length += text.shape[1]
        return self.norm(x)


class CharacterModel(nn.Module):
    """Logits of the next character, from all characters before it.

    Parameters
    ----------
    kinds : int
    shape : Shape
    dropout : float
    """

    def __init__(self, kinds: int, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.stack = Stack(kinds, shape, dropout=dropout)
        self.logits = nn.Linear(shape.width, kinds)

    def forward(self, text, cache=None):
        """Return logits (N, T, kinds) for characters (N, T)."""
        return self.logits(self.stack(text, cache, causal=True))
