"""Choose the device to compute on."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: a ``torch.device``.

    Parameters
    ----------
    device : str or torch.device, optional
        ``"cpu"``, ``"cuda"`` or ``"mps"``. Default: the environment variable
        ``GPU_COURSE_DEVICE``, else the first of CUDA and Apple's MPS that
        passes `try_device`, else the CPU.

    Raises
    ------
    ValueError
        If the device asked for is unknown or does not work here.
    """
    import torch

    device = device or os.environ.get("GPU_COURSE_DEVICE") or None
    if device is None:
        for kind in ("cuda", "mps"):
            if getattr(torch, kind).is_available():
                problem = try_device(kind)
                if problem is None:
                    return torch.device(kind)
                warnings.warn(
                    f"{kind} is there but fails its first operation "
                    f"({problem}); using the CPU. 'gpu-course doctor' "
                    "says more.",
                    stacklevel=2,
                )
        return torch.device("cpu")
    asked = device
    try:
        device = torch.device(asked)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'mps', got {str(asked)!r}"
        )
    if device.type != "cpu":
        problem = try_device(device)
        if problem is not None:
            raise ValueError(
                f"the device {str(device)!r} does not work here: {problem}; "
                "'gpu-course doctor' says more"
            )
    return device


def try_device(device: str | torch.device) -> str | None:
    """Multiply two small matrices on the device and compare with the CPU.

    ``is_available`` can be True although the first operation fails, for
    example on an old GPU with a new build of torch. So this function computes
    something.

    Returns
    -------
    None if the product is right, else one line that says what went wrong.
    """
    import torch

    a = torch.arange(64.0).view(8, 8)
    try:
        product = (a.to(device) @ a.to(device)).cpu()
    except Exception as error:  # drivers and builds fail in many ways
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    if not torch.equal(product, a @ a):
        return "it computes a wrong matrix product"
    return None


def place(
    model: torch.nn.Module, device: str | torch.device
) -> torch.nn.Module:
    """Move a model to the device and return it.

    On the CPU, convolutions were measured to be faster with channels last. On
    other devices the layout stays as it is.
    """
    import torch

    if torch.device(device).type == "cpu":
        return model.to(  # type: ignore[call-overload]
            device, memory_format=torch.channels_last
        )
    return model.to(device)
