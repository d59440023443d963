"""The task ``detect``: which digits are on a canvas, and where."""

import functools
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.canvases import SIDE, Canvases, scatter_digits
from gpu_course.data.mnist import load_mnist
from gpu_course.tasks.average_precision import Boxes, mean_average_precision
from gpu_course.tasks.sliding_windows import mean_boxes, slide, train_windows
from gpu_course.tasks.task import Task
from gpu_course.training.recipe import Recipe

NOISE = 0.2  # the noise's standard deviation; black and white are 1 apart
CELL, TYPICAL = 8, 20  # pixels: a cell's side, a box's side
GRID = SIDE // CELL
TRAIN, TEST = 12_000, 400  # canvases
OVERLAP = 0.3  # of boxes that stay, chosen on validation canvases
SUREST = 0.02  # cells that are less sure give no box
WINDOWS = 64_000  # that the baseline's LeNet is trained on


class Detector(nn.Module):
    """A one-shot detector: a canvas in, an answer for each cell out.

    After J. Redmon, S. Divvala, R. Girshick and A. Farhadi, "You Only Look
    Once" (2016), with convolutions alone. Input: float32 of shape
    (N, 1, H, W). Output: (N, 15, H / 8, W / 8). The 15 numbers of a cell: is
    the centre of a box in it (a logit); the centre, from the cell's, in
    cells; the logarithms of width and height over 20 pixels; the logits of
    ten classes.
    """

    def __init__(self):
        super().__init__()
        widths = ((1, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2))
        widths += ((64, 64, 1),)
        layers = []
        for before, after, stride in widths:
            layers += [
                nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(64, 15, 1))

    def forward(self, canvases):
        """Return the 15 numbers of each cell, (N, 15, rows, columns)."""
        return self.layers(canvases)


@dataclass(frozen=True)
class Detection:
    """Canvases to train on and to be judged on.

    Attributes
    ----------
    train : TensorDataset
        Pictures (N, 80, 80) uint8 without noise, boxes (N, 4, 4), labels
        (N, 4): digits of the training split.
    drawn : Canvases
        The same, on the CPU, for the sliding windows.
    noisy : float32 tensor (400, 1, 80, 80)
        Canvases with digits of the test split, and noise.
    truth : Boxes
        What is on them.
    """

    train: TensorDataset
    drawn: Canvases
    noisy: torch.Tensor
    truth: Boxes


def noisy(pictures: torch.Tensor, seed: int | None = None) -> torch.Tensor:
    """Return float32 (N, 1, H, W), from 0 to 1 before the noise is added.

    Parameters
    ----------
    pictures : uint8 tensor (N, H, W)
    seed : int, optional
        Default: torch's own generator, as in training.
    """
    ink = pictures[:, None].float() / 255
    if seed is None:
        return ink + NOISE * torch.randn_like(ink)
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(ink.shape, generator=random)
    return ink + NOISE * noise.to(ink.device)


def true_boxes(canvases: Canvases) -> Boxes:
    """Return the boxes of all digits on the canvases."""
    picture, slot = (canvases.labels >= 0).nonzero(as_tuple=True)
    return Boxes(
        canvases.boxes[picture, slot].float(),
        canvases.labels[picture, slot],
        picture,
        torch.ones(len(picture)),
    )


def load(device: torch.device) -> Detection:
    """Return training canvases on the device, and test canvases."""
    drawn = scatter_digits(*load_mnist("train"), TRAIN, seed=51)
    tests = scatter_digits(*load_mnist("test"), TEST, seed=52)
    tensors = drawn.pictures, drawn.boxes, drawn.labels
    return Detection(
        TensorDataset(*(tensor.to(device) for tensor in tensors)),
        drawn,
        noisy(tests.pictures, seed=53),
        true_boxes(tests),
    )


def loss(
    model: nn.Module,
    pictures: torch.Tensor,
    boxes: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    """Return the loss of a batch: is one there, where, and which.

    Cells count alike for the first; only cells with a box's centre count for
    the other two.
    """
    out = model(noisy(pictures)).permute(0, 2, 3, 1)
    picture, slot = (labels >= 0).nonzero(as_tuple=True)
    box = boxes[picture, slot].float()
    centre = (box[:, :2] + box[:, 2:]) / 2 / CELL
    column, row = cell = centre.long().T
    size = (box[:, 2:] - box[:, :2]) / TYPICAL
    there = torch.zeros_like(out[..., 0])
    there[picture, row, column] = 1
    here = out[picture, row, column]
    target = torch.cat([centre - cell.T - 0.5, size.log()], 1)
    return (
        functional.binary_cross_entropy_with_logits(
            out[..., 0], there, reduction="sum"
        )
        + functional.smooth_l1_loss(
            here[:, 1:5], target, beta=0.1, reduction="sum"
        )
        + functional.cross_entropy(
            here[:, 5:], labels[picture, slot], reduction="sum"
        )
    ) / len(pictures)


@torch.no_grad()
def detect(model: nn.Module, canvases: torch.Tensor) -> Boxes:
    """Return the boxes that the detector finds, suppressed, on the CPU.

    A cell gives one box, of its likeliest digit. Its score is the
    probability that a box is there, times that of the digit.

    Parameters
    ----------
    model : Detector
    canvases : float32 tensor (N, 1, H, W)
        On the model's device.
    """
    out = torch.cat([model(part) for part in canvases.split(100)]).cpu()
    out = out.permute(0, 2, 3, 1)
    share, labels = out[..., 5:].softmax(3).max(3)
    scores = out[..., 0].sigmoid() * share
    picture, row, column = place = (scores >= SUREST).nonzero(as_tuple=True)
    found = out[place]
    cell = torch.stack([column, row], 1)
    centre = CELL * (cell + 0.5 + found[:, 1:3])
    half = TYPICAL * found[:, 3:5].exp() / 2
    boxes = torch.cat([centre - half, centre + half], 1)
    return Boxes(boxes, labels[place], picture, scores[place]).suppressed(
        OVERLAP
    )


def judge(model: nn.Module, data: Detection) -> dict[str, float]:
    """Return the mean over the digits of the average precision."""
    device = next(model.parameters()).device
    found = detect(model, data.noisy.to(device))
    return {"average precision": mean_average_precision(found, data.truth)[0]}


@functools.lru_cache(maxsize=1)
def _window_lenet(drawn):
    """Return the LeNet for windows; for the same canvases it's kept."""
    return train_windows(drawn, noisy(drawn.pictures, seed=54), WINDOWS)


def windows(data: Detection) -> dict[str, float]:
    """Return the same for a LeNet that slides over the canvases.

    It is trained here, on windows of the training canvases.
    """
    model = _window_lenet(data.drawn)
    ways = {"each digit's mean box": mean_boxes(data.drawn), "its own": None}
    measures = {}
    for name, fixed in ways.items():
        found = slide(model, data.noisy, fixed).suppressed(OVERLAP)
        measures[f"LeNet on windows, {name}: average precision"] = (
            mean_average_precision(found, data.truth)[0]
        )
    return measures


TASKS = {
    "detect": Task(
        name="detect",
        recipe=Recipe("adam", 0.01, 32, 5, schedule="one-cycle"),
        load=load,
        build=lambda data: Detector(),
        loss=loss,
        judge=judge,
        baseline=windows,
        measure="average precision",
    )
}
