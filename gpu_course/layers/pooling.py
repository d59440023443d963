"""Max-pooling, forward and backward.

Symbols are as in `convolution`, for windows of z × z pixels with stride t and
no padding:

    y[n, c, i, j] = max over r, s < z of  x[n, c, i t + r, j t + s]

The pixel that was the maximum of a window gets that window's gradient. If
there are several, the first one gets it. NaN counts as larger than any number.
"""

from typing import Any

import numpy as np
from numba import float32, int32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, check_axes
from gpu_course.layers.convolution import (
    THREADS,
    output_size,
    pixel_grid,
    windows,
)


def max_pool(
    x: np.ndarray, size: int = 2, stride: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return y and the position of each maximum.

    Parameters
    ----------
    x : array (N, C, H, W)
    size : int
    stride : int, optional
        Default: ``size``.

    Returns
    -------
    y : array (N, C, P, Q)
    places : int32 array (N, C, P, Q)
        Row × W + column of the maximum in x.

    Raises
    ------
    ValueError
        If a window does not fit.
    """
    stride = size if stride is None else stride
    view = windows(x, (size, size), stride)
    flat = view.reshape(*view.shape[:4], size * size)
    best = flat.argmax(-1)  # the first; NaN counts as the largest
    y = np.take_along_axis(flat, best[..., None], -1)[..., 0]
    rows = stride * np.arange(y.shape[2])[:, None] + best // size
    columns = stride * np.arange(y.shape[3]) + best % size
    return y, (rows * x.shape[3] + columns).astype(np.int32)


def max_pool_backward(
    dy: np.ndarray, places: np.ndarray, shape: tuple[int, int, int, int]
) -> np.ndarray:
    """Return dx of the given shape.

    Parameters
    ----------
    dy, places : arrays (N, C, P, Q)
    shape : tuple of int
        The shape of x: (N, C, H, W).

    Raises
    ------
    ValueError
        If the shapes don't fit.
    """
    if dy.shape != places.shape or dy.shape[:2] != tuple(shape[:2]):
        raise ValueError(
            "dy and places must have the shape (N, C, P, Q) that belongs to "
            f"{tuple(shape)}, got {dy.shape} and {places.shape}"
        )
    n, c, height, width = shape
    dx = np.zeros((n * c, height * width), dy.dtype)
    image = np.arange(n * c)[:, None]
    np.add.at(dx, (image, places.reshape(n * c, -1)), dy.reshape(n * c, -1))
    return dx.reshape(shape)


@cuda.jit
def max_pool_kernel(x, size, stride, y, places):
    """Compute y and places: a thread for each pixel of y."""
    pixel = cuda.grid(1)
    c, n = cuda.blockIdx.y, cuda.blockIdx.z
    columns = y.shape[3]
    if pixel < y.shape[2] * columns:
        i, j = pixel // columns, pixel % columns
        best = x[n, c, i * stride, j * stride]
        place = i * stride * x.shape[3] + j * stride
        for r in range(size):
            for s in range(size):
                u, v = i * stride + r, j * stride + s
                value = x[n, c, u, v]
                # A NaN is not equal to itself, and wins as in PyTorch.
                if value > best or (value != value and best == best):
                    best = value
                    place = u * x.shape[3] + v
        y[n, c, i, j] = best
        places[n, c, i, j] = int32(place)


@cuda.jit
def max_pool_gradient_kernel(dy, places, size, stride, dx):
    """Compute dx: a thread for each cell of stride × stride pixels.

    Each pixel asks the windows that can reach it, so no atomics are needed:
    the window that begins with its cell, and those up to ``back`` before it.
    """
    cell = cuda.grid(1)
    c, n = cuda.blockIdx.y, cuda.blockIdx.z
    rows, columns = dx.shape[2], dx.shape[3]
    across = (columns + stride - 1) // stride
    back = (size - 1) // stride
    i, j = cell // across, cell % across
    for u in range(i * stride, min(rows, (i + 1) * stride)):
        for v in range(j * stride, min(columns, (j + 1) * stride)):
            total = float32(0)
            for p in range(max(0, i - back), min(dy.shape[2], i + 1)):
                for q in range(max(0, j - back), min(dy.shape[3], j + 1)):
                    if places[n, c, p, q] == u * columns + v:
                        total += dy[n, c, p, q]
            dx[n, c, u, v] = total


def launch_max_pool(
    x: Any, size: int, stride: int, y: Any, places: Any
) -> None:
    """Compute y (float32) and places (int32), both (N, C, P, Q).

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    _check(x, size, stride, y, places)
    if x.shape[0]:
        max_pool_kernel[pixel_grid(y)](x, size, stride, y, places)


def launch_max_pool_gradient(
    dy: Any, places: Any, size: int, stride: int, dx: Any
) -> None:
    """Compute dx (N, C, H, W); raises as `launch_max_pool`."""
    _check(dx, size, stride, dy, places)
    n, c, height, width = dx.shape
    cells = -(-height // stride) * -(-width // stride)
    if n:
        grid = -(-cells // THREADS), c, n
        max_pool_gradient_kernel[grid, THREADS](dy, places, size, stride, dx)


def _check(x, size, stride, y, places):
    check_axes("images", x, "N, C, H, W")
    expected = (
        *x.shape[:2],
        output_size(x.shape[2], size, stride),
        output_size(x.shape[3], size, stride),
    )
    check_array("the images", x, x.shape)
    check_array("the pooled images", y, expected)
    check_array("places", places, expected, "int32")


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    x = np.ones((2, 2, 4, 4), np.float32)
    y = np.ones((2, 2, 2, 2), np.float32)
    places = np.zeros(y.shape, np.int32)
    launch_max_pool(x, 2, 2, y, places)
    launch_max_pool_gradient(y, places, 2, 2, x)
