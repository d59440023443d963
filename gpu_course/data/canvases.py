"""Canvases: some MNIST digits scattered among scraps of others.

The scraps are those of the "cluttered" MNIST of V. Mnih, N. Heess, A. Graves
and K. Kavukcuoglu, "Recurrent Models of Visual Attention" (2014),
arXiv:1406.6247: pieces of other digits, too small to be read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

SIDE, FRAME = 80, 28  # pixels of a canvas, and of a digit's picture
MOST = 4  # digits on a canvas
SCRAPS, SCRAP = 8, 9  # pieces on a canvas, and their side in pixels
MARGIN = 2  # pixels between the ink and its box
INK = 64  # a pixel from here on is ink, of 255
_TRIES = 24


@dataclass(frozen=True)
class Canvases:
    """Pictures with digits, and where they are.

    Attributes
    ----------
    pictures : uint8 tensor (N, 80, 80)
    boxes : int64 tensor (N, 4, 4)
        Left, top, right, bottom of up to four digits, in pixels; right and
        bottom are the first pixels outside.
    labels : int64 tensor (N, 4)
        The digits, -1 for a place that holds none.
    frames : int64 tensor (N, 4, 2)
        Left and top of the 28×28 pixels that MNIST gives each digit.
    """

    pictures: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    frames: torch.Tensor

    def __len__(self):
        return len(self.pictures)


def ink_boxes(images: torch.Tensor) -> torch.Tensor:
    """Return the box around each digit's ink, with its margin.

    Parameters
    ----------
    images : uint8 tensor (N, H, W)

    Returns
    -------
    int64 tensor (N, 4)
        Left, top, right, bottom; it may reach beyond the picture.
    """
    ink = images >= INK
    sides = []
    for axis in (1, 2):  # of the pixels that are summed over
        line = ink.any(axis).int()
        first = line.argmax(1)
        last = line.shape[1] - 1 - line.flip(1).argmax(1)
        sides.append((first - MARGIN, last + 1 + MARGIN))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], 1)


def scatter_digits(
    images: torch.Tensor, labels: torch.Tensor, count: int, seed: int = 0
) -> Canvases:
    """Return canvases with one to four digits whose boxes don't touch.

    Parameters
    ----------
    images : uint8 tensor (M, 28, 28)
        Of one split alone.
    labels : int64 tensor (M,)
    count : int
        Number of canvases, N.
    seed : int
        The same seed gives the same canvases on any machine.

    Raises
    ------
    ValueError
        If the count isn't positive.
    """
    if count < 1:
        raise ValueError(f"count must be positive, got {count}")
    random = torch.Generator().manual_seed(seed)

    def whole(below, *shape):
        return torch.randint(below, shape, generator=random)

    pictures = torch.zeros(count, SIDE, SIDE, dtype=torch.uint8)
    for _ in range(SCRAPS):
        piece = images[whole(len(images), count)]
        corner = 4 + whole(FRAME - 8 - SCRAP + 1, count, 2)
        piece = piece.flatten(1).gather(1, _window(corner, SCRAP, FRAME))
        place = _window(whole(SIDE - SCRAP + 1, count, 2), SCRAP, SIDE)
        _paste(pictures, place, piece)
    wanted = 1 + whole(MOST, count)
    boxes = torch.zeros(count, MOST, 4, dtype=torch.int64)
    names = torch.full((count, MOST), -1)
    frames = torch.zeros(count, MOST, 2, dtype=torch.int64)
    for slot in range(MOST):
        chosen = whole(len(images), count)
        tries = whole(SIDE - FRAME + 1, count, _TRIES, 2)
        box = ink_boxes(images[chosen])[:, None] + tries.repeat(1, 1, 2)
        free = ~_overlap(box[:, :, None], boxes[:, None, :slot]).any(2)
        use = (wanted > slot) & free.any(1)
        best = free.int().argmax(1)
        rows = torch.arange(count)
        boxes[:, slot] = box[rows, best].clamp(0, SIDE) * use[:, None]
        frames[:, slot] = tries[rows, best] * use[:, None]
        names[:, slot] = torch.where(use, labels[chosen], -1)
        ink = images[chosen].flatten(1) * use[:, None]
        _paste(pictures, _window(tries[rows, best], FRAME, SIDE), ink)
    return Canvases(pictures, boxes, names, frames)


def _overlap(one, two):
    """Return whether boxes (…, 4) share a pixel."""
    low = torch.maximum(one[..., :2], two[..., :2])
    high = torch.minimum(one[..., 2:], two[..., 2:])
    return (low < high).all(-1)


def _window(corner, side, width):
    """Return the flat indices (N, side²) of squares in pictures so wide."""
    steps = torch.arange(side)
    columns = corner[:, 0, None] + steps
    rows = corner[:, 1, None] + steps
    return (rows[:, :, None] * width + columns[:, None]).flatten(1)


def _paste(pictures, place, ink):
    """Let the lighter of both remain: ink (N, k) at flat places (N, k)."""
    flat = pictures.flatten(1)  # a view
    flat.scatter_(1, place, torch.maximum(flat.gather(1, place), ink))
