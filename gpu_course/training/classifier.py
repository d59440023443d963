"""Use a trained model: weights from a file, digits from images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu_course.common.device import pick_device, place
from gpu_course.data.mnist import MEAN, STD, normalise
from gpu_course.training.checkpoint import (
    CheckpointError,
    read_tensors,
    with_prefix,
    write_tensors,
)
from gpu_course.training.lenet import LeNet

if TYPE_CHECKING:
    from pathlib import Path


class Classifier:
    """A trained LeNet with the normalisation it was trained with.

    Parameters
    ----------
    model : LeNet
    mean, std : float
        Mean and standard deviation of the pixels scaled to 0..1, as in
        `data.preload`.
    device : str or torch.device, optional
        Default: `pick_device`.
    """

    def __init__(self, model, mean=MEAN, std=STD, device=None):
        self.device = pick_device(device)
        self.model = place(model, self.device)
        self.model.eval()
        self.mean, self.std = mean, std

    def save(self, path: str | Path) -> None:
        """Write weights and normalisation to a safetensors file."""
        state = self.model.state_dict()
        tensors = {f"model.{key}": value for key, value in state.items()}
        write_tensors(path, tensors, {"mean": self.mean, "std": self.std})

    @classmethod
    def load(
        cls, path: str | Path, device: str | torch.device | None = None
    ) -> Classifier:
        """Read a file written by `save`, or a training checkpoint.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        CheckpointError
            If it is damaged, or doesn't hold a `LeNet`.
        """
        tensors, text = read_tensors(path)
        model = LeNet()
        try:
            model.load_state_dict(with_prefix(tensors, "model."))
        except RuntimeError as error:
            raise CheckpointError(f"{path} holds no LeNet: {error}") from error
        return cls(model, text.get("mean", MEAN), text.get("std", STD), device)

    def predict(self, images: np.ndarray | torch.Tensor) -> np.ndarray:
        """Return the most probable digit of each image: int64 array (N,).

        Parameters
        ----------
        images : uint8 array or tensor (28, 28), (N, 28, 28) or (N, 1, 28, 28)
            As `data.load_mnist` and `data.to_digit` return them: 0 is
            background, 255 is ink.
        """
        return self.probabilities(images).argmax(axis=1)

    @torch.no_grad()
    def probabilities(
        self, images: np.ndarray | torch.Tensor, batch_size: int = 1000
    ) -> np.ndarray:
        """Return the probability of each digit: float32 array (N, 10)."""
        if not isinstance(images, torch.Tensor):
            images = torch.from_numpy(np.array(images))
        if images.ndim == 4 and images.shape[1] == 1:
            images = images.squeeze(1)
        if images.ndim == 2:
            images = images.unsqueeze(0)
        if images.dtype != torch.uint8 or images.shape[1:] != (28, 28):
            raise ValueError(
                "images must be uint8 of shape (N, 28, 28), got "
                f"{images.dtype} of shape {tuple(images.shape)}; "
                "data.to_digit makes them from any picture"
            )
        parts = [self._forward(part) for part in images.split(batch_size)]
        return torch.cat(parts).cpu().numpy()

    def _forward(self, images):
        images = normalise(images, self.device, self.mean, self.std)
        return self.model(images).softmax(dim=1)
