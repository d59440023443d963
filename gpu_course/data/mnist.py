"""MNIST: the 70,000 handwritten digits, from the package to the device.

The four files come with the package, in ``files/mnist``, so nothing is
downloaded. They are unpacked once into the layout that torchvision reads.

Source: Yann LeCun, Corinna Cortes and Christopher J. C. Burges, "The MNIST
database of handwritten digits"; licence CC BY-SA 3.0.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_course.common.files import cache_folder, write_atomically
from gpu_course.data.carried import carried, checksums

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

MEAN, STD = 0.1307, 0.3081  # of the training pixels scaled to 0..1: chapter 30
_PREFIX = {"train": "train", "test": "t10k"}


def _read(path, digest):
    """Return a verified file as a uint8 array; restore it if necessary."""
    import numpy as np

    if path.is_file():
        content = np.fromfile(path, dtype="u1")
        got = hashlib.sha256(content).hexdigest()
        if got == digest:
            return content
        warnings.warn(
            f"{path} is damaged: expected SHA-256 {digest}, got {got}; "
            "restoring it from the copy in the package",
            stacklevel=4,
        )
    content = carried("mnist", path.name)
    write_atomically(path, content)
    return np.frombuffer(bytearray(content), dtype="u1")


def _read_files(names, root):
    """Return the folder used and the named files as {name: content}."""
    root = Path(root) if root is not None else cache_folder()
    digests = checksums("mnist")

    def read(folder):
        raw = folder / "MNIST" / "raw"
        return folder, {
            name: _read(raw / name, digests[name]) for name in names
        }

    try:
        return read(root)
    except OSError as error:
        reason = error.strerror or error
    fallback = Path(tempfile.gettempdir()) / f"gpu-course-{_user()}"
    warnings.warn(
        f"{root} cannot be used for MNIST ({reason}); using {fallback}. "
        "Set GPU_COURSE_DATA to a folder that can be written.",
        stacklevel=3,
    )
    return read(fallback)


def _user():
    """Return the user's id, or the name on systems without ids.

    The id comes first, as a user in a container may have no name.
    """
    return os.getuid() if hasattr(os, "getuid") else getpass.getuser()


def mnist_root(root: str | Path | None = None) -> Path:
    """Unpack MNIST where needed and return the folder that holds it.

    The folder works with ``torchvision.datasets.MNIST(root, download=False)``.
    Each of the four files is verified on every call. Any number of processes
    may call this at once.

    Parameters
    ----------
    root : path, optional
        Default: ``GPU_COURSE_DATA`` or the user's cache folder. If it cannot
        be written, a temporary folder is used, with a warning.

    Raises
    ------
    DataError
        If the copy in the package itself is damaged.
    """
    folder, _ = _read_files(checksums("mnist"), root)
    return folder


def _prefix(split):
    if split not in _PREFIX:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    return _PREFIX[split]


def load_mnist(
    split: str, root: str | Path | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images and labels of one split as they were published.

    Parameters
    ----------
    split : {"train", "test"}
        60,000 or 10,000 images.
    root : path, optional
        As for `mnist_root`.

    Returns
    -------
    images : uint8 tensor (N, 28, 28), 0 is background and 255 is ink.
    labels : int64 tensor (N,), the digits 0 to 9.
    """
    import torch

    prefix = _prefix(split)
    names = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    _, files = _read_files(names, root)
    # The headers are 16 bytes for images and 8 for labels: the IDX format.
    images, labels = (torch.from_numpy(files[name]) for name in names)
    return images[16:].view(-1, 28, 28), labels[8:].long()


def normalise(
    images: torch.Tensor,
    device: str | torch.device = "cpu",
    mean: float = MEAN,
    std: float = STD,
) -> torch.Tensor:
    """Return the network's input: float32 (N, 1, 28, 28) on the device.

    The bytes are copied to the device and become float32 there. This moves a
    quarter of the data that copying float32 would.

    Parameters
    ----------
    images : uint8 tensor (N, 28, 28)
    mean, std : float
        The result is ``(pixel / 255 - mean) / std``.
    """
    images = images.to(device).unsqueeze(1).float()
    return images.div_(255 * std).sub_(mean / std)


def preload(
    split: str,
    device: str | torch.device = "cpu",
    mean: float = MEAN,
    std: float = STD,
    root: str | Path | None = None,
) -> TensorDataset:
    """Return one whole split, normalised, in the device's memory.

    Returns
    -------
    torch.utils.data.TensorDataset
        images: float32 (N, 1, 28, 28); labels: int64 (N,). 188 MB for the
        training split.
    """
    import torch

    images, labels = load_mnist(split, root)
    images = normalise(images, device, mean, std)
    return torch.utils.data.TensorDataset(images, labels.to(device))


def mnist_loader(
    split: str,
    batch_size: int = 100,
    mean: float = 0.5,
    std: float = 0.5,
    root: str | Path | None = None,
    **kwargs: Any,
) -> DataLoader:
    """Return a DataLoader that transforms image by image, as the article does.

    Parameters
    ----------
    split : {"train", "test"}
        The training split is shuffled.
    **kwargs : object
        Passed to ``torch.utils.data.DataLoader``, e.g. ``num_workers``.
    """
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    _prefix(split)
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((mean,), (std,))]
    )
    train = split == "train"
    mnist = datasets.MNIST(mnist_root(root), train=train, transform=transform)
    kwargs.setdefault("shuffle", train)
    return DataLoader(mnist, batch_size=batch_size, **kwargs)


def split_validation(
    dataset: TensorDataset, count: int = 10_000, seed: int = 0
) -> list[TensorDataset]:
    """Split a TensorDataset at random into training and validation parts.

    Parameters
    ----------
    count : int
        Examples in the validation part.
    seed : int
        The same seed gives the same split on any machine.

    Returns
    -------
    list of TensorDataset
        The training and the validation part.
    """
    import torch

    if not 0 < count < len(dataset):
        raise ValueError(
            f"count must be between 1 and {len(dataset) - 1}, got {count}"
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(dataset), generator=generator)
    order = order.to(dataset.tensors[0].device)
    parts = order[count:], order[:count]
    return [
        torch.utils.data.TensorDataset(*(t[part] for t in dataset.tensors))
        for part in parts
    ]
