"""Weights and checkpoints: tensors and JSON in one safetensors file.

Loading a pickle runs whatever code its author put in, and torch's own files
are pickles inside. A safetensors file holds numbers and text, so one from a
stranger can be wrong but not dangerous.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gpu_course.common.files import write_atomically

FORMAT = "gpu-course 1"


class CheckpointError(ValueError):
    """The file is damaged, or is not a checkpoint of this course."""


def write_tensors(
    path: str | Path, tensors: dict[str, torch.Tensor], text: Any
) -> None:
    """Write a dict of tensors and JSON data to one file, atomically."""
    tensors = {
        key: value.detach().cpu().contiguous().clone()
        for key, value in tensors.items()
    }
    text = json.dumps(text)
    metadata = {
        "format": FORMAT,
        "json": text,
        "sha256": _digest(tensors, text),
    }
    write_atomically(path, save(tensors, metadata))


def read_tensors(path: str | Path) -> tuple[dict[str, torch.Tensor], Any]:
    """Return the tensors, on the CPU, and the JSON data of such a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CheckpointError
        If the file is damaged, or isn't of this course.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no trained model at {path}: 'gpu-course train' makes one"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            keys = file.keys()
            # Clone, or the file stays mapped and Windows can't replace it.
            tensors = {key: file.get_tensor(key).clone() for key in keys}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or not a safetensors file ({error}); "
            "delete it and train again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is not a checkpoint of this course: expected format "
            f"{FORMAT!r}, got {metadata.get('format')!r}"
        )
    text = metadata.get("json", "")
    if _digest(tensors, text) != metadata.get("sha256"):
        raise CheckpointError(
            f"{path} is damaged: its content does not have the SHA-256 that "
            "was written with it; delete it and train again"
        )
    return tensors, json.loads(text)


def _digest(tensors, text):
    """Return the SHA-256 of everything stored, as text."""
    digest = hashlib.sha256(text.encode())
    for key, tensor in sorted(tensors.items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def with_prefix(
    tensors: dict[str, torch.Tensor], prefix: str
) -> dict[str, torch.Tensor]:
    """Return the entries whose keys start with `prefix`, which is removed."""
    return {
        key.removeprefix(prefix): value
        for key, value in tensors.items()
        if key.startswith(prefix)
    }


@dataclass
class Checkpoint:
    """Everything that a training run needs to resume.

    Attributes
    ----------
    model : dict of str to tensor
        The weights: a ``state_dict``.
    optimizer : dict
        The optimizer's ``state_dict``.
    losses : float32 tensor (steps so far,)
    rng : dict of str to uint8 tensor
        The states of torch's generators, by type of device.
    progress : dict
        How far the run is, in types that JSON has.
    """

    model: dict
    optimizer: dict
    losses: torch.Tensor
    rng: dict
    progress: dict

    def save(self, path: str | Path) -> None:
        """Write the checkpoint: see `write_tensors`."""
        tensors = {"losses": self.losses}
        tensors |= {f"rng.{key}": value for key, value in self.rng.items()}
        tensors |= {f"model.{key}": value for key, value in self.model.items()}
        for index, state in self.optimizer["state"].items():
            for key, value in state.items():
                # SGD's momentum is None before the first step.
                if value is not None:
                    tensors[f"optimizer.{index}.{key}"] = value
        groups = self.optimizer["param_groups"]
        write_tensors(
            path, tensors, {"progress": self.progress, "groups": groups}
        )

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a checkpoint: see `read_tensors` for what it raises."""
        tensors, text = read_tensors(path)
        if "progress" not in text:
            raise CheckpointError(
                f"{path} holds a trained model, not a run that can be resumed"
            )
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in with_prefix(tensors, "optimizer.").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        return cls(
            model=with_prefix(tensors, "model."),
            optimizer={"state": state, "param_groups": text["groups"]},
            losses=tensors["losses"],
            rng=with_prefix(tensors, "rng."),
            progress=text["progress"],
        )
