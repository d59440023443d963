"""Checks of kernel arguments: a GPU would read past the end of an array."""

from collections.abc import Sequence
from typing import Any


def check_array(
    name: str, array: Any, shape: Sequence[int], dtype: str = "float32"
) -> None:
    """Raise unless an array has this shape and dtype.

    Parameters
    ----------
    name : str
        The array's name in the message.
    array : array or tensor
    shape : tuple of int
    dtype : str

    Raises
    ------
    TypeError
        If the dtype differs.
    ValueError
        If the shape differs.
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
    """Return whether an array or tensor is contiguous, row after row."""
    if hasattr(array, "is_contiguous"):  # a tensor
        return array.is_contiguous()
    return bool(array.flags["C_CONTIGUOUS"])


def flat(name: str, array: Any) -> Any:
    """Return a view of the same memory with one axis.

    Raises
    ------
    ValueError
        If the array is not contiguous, because a copy would be needed.
    """
    if not is_contiguous(array):
        raise ValueError(
            f"{name} must be contiguous, rows one after the other, got the "
            f"shape {tuple(array.shape)} as a view of something else: copy it"
        )
    return array.reshape(-1)
