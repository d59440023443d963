"""Boxes that a detector found, and how well they fit: average precision.

After M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn and A. Zisserman,
"The Pascal Visual Object Classes (VOC) Challenge", International Journal of
Computer Vision 88 (2010).
"""

from dataclasses import dataclass

import torch
from torchvision.ops import batched_nms, box_iou


@dataclass(frozen=True)
class Boxes:
    """Boxes on some pictures: found ones, or the true ones.

    Attributes
    ----------
    boxes : float32 tensor (K, 4)
        Left, top, right, bottom in pixels.
    labels : int64 tensor (K,)
        The class of each.
    pictures : int64 tensor (K,)
        The number of the picture it is on.
    scores : float32 tensor (K,)
        How sure the detector is; ones for the true boxes.
    """

    boxes: torch.Tensor
    labels: torch.Tensor
    pictures: torch.Tensor
    scores: torch.Tensor

    def __len__(self):
        return len(self.boxes)

    def where(self, chosen: torch.Tensor) -> "Boxes":
        """Return the boxes that a mask or a list of indices (…,) chooses."""
        return Boxes(
            self.boxes[chosen],
            self.labels[chosen],
            self.pictures[chosen],
            self.scores[chosen],
        )

    def suppressed(self, overlap: float) -> "Boxes":
        """Return what non-maximum suppression leaves, the surest first.

        A box goes if a surer one that stays, on the same picture and of
        any class, has a larger intersection over union with it.

        Parameters
        ----------
        overlap : float
            The largest intersection over union of two boxes that stay.
        """
        return self.where(
            batched_nms(self.boxes, self.scores, self.pictures, overlap)
        )


def average_precision(
    found: Boxes, truth: Boxes, overlap: float = 0.5
) -> float:
    """Return the area under the curve of precision over recall, 0 to 1.

    The boxes found are taken in the order of their scores. One is right if
    the true box of the same picture that it overlaps most has an intersection
    over union of at least `overlap` with it, and no surer box had that one.
    The precision at a recall is the highest at this recall or a larger one.
    The classes are not looked at: `mean_average_precision` does.

    Raises
    ------
    ValueError
        If there is no true box.
    """
    if not len(truth):
        raise ValueError("there is no true box to find")
    order = found.scores.argsort(descending=True, stable=True)
    found = found.where(order)
    right = torch.zeros(len(found), dtype=torch.float64)
    for picture in truth.pictures.unique():
        here = (found.pictures == picture).nonzero().flatten()
        if not len(here):
            continue
        true = truth.boxes[truth.pictures == picture]
        best, which = box_iou(found.boxes[here], true).max(1)
        taken = set()
        for place, value, target in zip(
            here.tolist(), best.tolist(), which.tolist(), strict=True
        ):
            if value >= overlap and target not in taken:
                taken.add(target)
                right[place] = 1
    precision = right.cumsum(0) / torch.arange(1, len(found) + 1)
    highest = precision.flip(0).cummax(0).values.flip(0)
    return float((highest * right).sum() / len(truth))


def mean_average_precision(
    found: Boxes, truth: Boxes, overlap: float = 0.5
) -> tuple[float, dict[int, float]]:
    """Return the mean over the true classes, and {class: its AP}.

    A box whose place is right and whose class is wrong is a mistake, and its
    digit is missed.
    """
    each = {
        label: average_precision(
            found.where(found.labels == label),
            truth.where(truth.labels == label),
            overlap,
        )
        for label in truth.labels.unique().tolist()
    }
    return sum(each.values()) / len(each), each
