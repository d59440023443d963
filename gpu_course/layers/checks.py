"""Checks of what kernels are given: a GPU would read past an array's end."""

from collections.abc import Sequence
from typing import Any


def check_array(
    name: str, array: Any, shape: Sequence[int], dtype: str = "float32"
) -> None:
    """Raise unless an array has this shape and dtype.

    Parameters
    ----------
    name : str
        For the message.
    array : array or tensor
    shape : tuple of int
    dtype : str

    Raises
    ------
    TypeError
        Another dtype.
    ValueError
        Another shape.
    """
    got = str(array.dtype).removeprefix("torch.")
    if got != dtype:
        raise TypeError(
            f"{name} must be {dtype}, got {got}: convert it before the launch"
        )
    if tuple(array.shape) != tuple(shape):
        raise ValueError(
            f"{name} must have the shape {tuple(shape)}, got "
            f"{tuple(array.shape)}"
        )


def check_axes(name: str, array: Any, axes: str) -> None:
    """Raise ``ValueError`` unless an array has these axes.

    Parameters
    ----------
    name : str
    array : array or tensor
    axes : str
        Such as "N, C, H, W".
    """
    count = axes.count(",") + 1
    if len(array.shape) != count:
        raise ValueError(
            f"{name} must have the {count} axes ({axes}), got the shape "
            f"{tuple(array.shape)}"
        )


def is_contiguous(array: Any) -> bool:
    """Return whether rows follow each other in an array or tensor."""
    if hasattr(array, "is_contiguous"):  # a tensor
        return array.is_contiguous()
    return bool(array.flags["C_CONTIGUOUS"])


def flat(name: str, array: Any) -> Any:
    """Return the same memory with one axis.

    Raises
    ------
    ValueError
        If the rows don't follow each other in memory, so that it would be a
        copy.
    """
    if not is_contiguous(array):
        raise ValueError(
            f"{name} must be contiguous, rows one after the other, got the "
            f"shape {tuple(array.shape)} as a view of something else: copy it"
        )
    return array.reshape(-1)
