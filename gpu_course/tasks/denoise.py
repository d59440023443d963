"""The task ``denoise``: take the noise off a digit."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.mnist import load_mnist
from gpu_course.tasks.filters import (
    bilateral,
    gaussian,
    median,
    psnr,
)
from gpu_course.tasks.task import Task
from gpu_course.training.recipe import Recipe

NOISE = 0.3  # the noise's standard deviation; black and white are 1 apart
TRAIN, VALIDATION, TEST = 30_000, 100, 1000  # digits
WIDTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)  # tried: pixels
CONTRASTS = (0.4, 0.6, 0.8, 1.0, 1.5)  # tried, in the bilateral filter
SIDES = (3, 5, 7)  # tried: of the median, pixels


class Denoiser(nn.Module):
    """A residual network: it says what is noise, and that is taken off.

    A small form of K. Zhang, W. Zuo, Y. Chen, D. Meng and L. Zhang, "Beyond
    a Gaussian Denoiser" (2017), without its batch normalisation. Input and
    output: float32 of shape (N, 1, H, W).

    Parameters
    ----------
    width : int
        Channels inside.
    depth : int
        Number of convolutions of 3×3.
    """

    def __init__(self, width: int = 16, depth: int = 6):
        super().__init__()
        channels = [1, *[width] * (depth - 1), 1]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.noise = nn.Sequential(*layers[:-1])

    def forward(self, noisy):
        """Return the pictures without what the layers call noise."""
        return noisy - self.noise(noisy)


@dataclass(frozen=True)
class Noisy:
    """Digits with and without noise, as float32 (N, 1, 28, 28).

    Attributes
    ----------
    train : TensorDataset
        Clean digits; training adds new noise each time.
    validation, test : tuple of tensor
        Noisy and clean. The validation digits are of the training split, and
        not in ``train``; the filters are adjusted on them.
    """

    train: TensorDataset
    validation: tuple
    test: tuple


def with_noise(clean: torch.Tensor, seed: int | None = None) -> torch.Tensor:
    """Return the pictures with normal noise; torch's generator by default."""
    if seed is None:
        return clean + NOISE * torch.randn_like(clean)
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(clean.shape, generator=random)
    return clean + NOISE * noise.to(clean.device)


def load(device: torch.device) -> Noisy:
    """Return digits for training, and noisy ones of both splits."""

    def clean(split, start, count):
        images = load_mnist(split)[0][start : start + count]
        return images.to(device)[:, None].float() / 255

    validation = clean("train", 60_000 - VALIDATION, VALIDATION)
    test = clean("test", 0, TEST)
    return Noisy(
        TensorDataset(clean("train", 0, TRAIN)),
        (with_noise(validation, 1), validation),
        (with_noise(test, 2), test),
    )


def loss(model: nn.Module, clean: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error after fresh noise was taken off."""
    return functional.mse_loss(model(with_noise(clean)), clean)


def judge(model: nn.Module, data: Noisy) -> dict[str, float]:
    """Return the mean PSNR of the test digits, in dB."""
    noisy, clean = data.test
    got = torch.cat([model(part) for part in noisy.split(250)])
    return {"PSNR, dB": psnr(got, clean).mean().item()}


def adjusted(data: Noisy) -> dict[str, tuple[Callable, tuple]]:
    """Return each filter with the parameters that suit the noise best.

    Returns
    -------
    dict of str to tuple
        The filter's name -> the function, and its arguments after the
        pictures. Of all tried, these give the validation digits the highest
        mean PSNR.
    """
    tried: dict[str, tuple[Callable, list]] = {
        "Gaussian": (gaussian, [(width,) for width in WIDTHS]),
        "median": (median, [(side,) for side in SIDES]),
        "bilateral": (
            bilateral,
            [(w, c) for w in WIDTHS[3:] for c in CONTRASTS],
        ),
    }
    noisy, clean = data.validation
    best = {}
    for name, (function, choices) in tried.items():
        scores = [
            psnr(function(noisy, *given), clean).mean().item()
            for given in choices
        ]
        best[name] = function, choices[scores.index(max(scores))]
    return best


def filters(data: Noisy) -> dict[str, float]:
    """Return the mean PSNR of the test digits for each filter, and none."""
    noisy, clean = data.test
    results = {"nothing done": noisy}
    for name, (function, given) in adjusted(data).items():
        parts = [function(part, *given) for part in noisy.split(250)]
        results[name] = torch.cat(parts)
    return {
        f"{name}: PSNR, dB": psnr(got, clean).mean().item()
        for name, got in results.items()
    }


TASKS = {
    "denoise": Task(
        name="denoise",
        recipe=Recipe("adam", 0.006, 32, 1, schedule="one-cycle"),
        load=load,
        build=lambda data: Denoiser(),
        loss=loss,
        judge=judge,
        baseline=filters,
        measure="PSNR, dB",
    )
}
