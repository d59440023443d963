"""Convolution of images with filters, forward and backward.

Symbols: an input x of shape (N, C, H, W): N images with C channels of H × W
pixels; filters w (K, C, R, S); a bias b (K,); the output y (N, K, P, Q). The
operation is the cross-correlation that PyTorch and papers call convolution:

    y[n, k, i, j] = b[k] + Σ_c Σ_r Σ_s  x[n, c, i t + r - p, j t + s - p]
                                        · w[k, c, r, s]

with stride t and padding p. Pixels outside the image count as zero.
"""

from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, check_axes, flat
from gpu_course.layers.sums import launch_column_sums

THREADS = 128  # per block
GROUP = 3  # filters or channels that one thread computes
IMAGES = 16  # per thread that sums the weights' gradient
SQUARE = 8  # a block that sums a channel has SQUARE × SQUARE threads
PARTS = SQUARE * SQUARE


def output_size(
    size: int, window: int, stride: int = 1, padding: int = 0
) -> int:
    """Return how many windows fit along an axis: floor((H + 2p - R) / t) + 1.

    Parameters
    ----------
    size, window : int
        Pixels of the input and of the window along this axis.
    stride, padding : int

    Raises
    ------
    ValueError
        If the window is larger than the padded input.
    """
    if stride < 1 or padding < 0 or window < 1:
        raise ValueError(
            "stride and window must be at least 1 and padding at least 0, "
            f"got {stride}, {window} and {padding}"
        )
    if size + 2 * padding < window:
        raise ValueError(
            f"a window of {window} does not fit into {size} pixels with "
            f"{padding} of padding on either side"
        )
    return (size + 2 * padding - window) // stride + 1


def windows(
    x: np.ndarray, window: tuple[int, int], stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Return a view of all windows of the padded images.

    Parameters
    ----------
    x : array (N, C, H, W)
    window : tuple of int
        Rows R and columns S.

    Returns
    -------
    array (N, C, P, Q, R, S)
    """
    check_axes("images", x, "N, C, H, W")
    for size, part in zip(x.shape[2:], window, strict=True):
        output_size(size, part, stride, padding)
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge))
    view = np.lib.stride_tricks.sliding_window_view(padded, window, (2, 3))
    return view[:, :, ::stride, ::stride]


def im2col(
    x: np.ndarray, window: tuple[int, int], stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Return each window as a row, so that convolution is a matrix product.

    Returns
    -------
    array (N P Q, C R S)
    """
    view = windows(x, window, stride, padding)
    n, c, p, q, r, s = view.shape
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(n * p * q, c * r * s)


def convolve(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Return y (N, K, P, Q).

    Raises
    ------
    ValueError
        If the channels differ or a window does not fit.
    """
    check_shapes(x, w, b)
    view = windows(x, w.shape[2:], stride, padding)
    y = np.einsum("ncpqrs,kcrs->nkpq", view, w, optimize=True)
    return y + b[:, None, None]


def convolve_backward(
    x: np.ndarray,
    w: np.ndarray,
    dy: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of a loss L with respect to x, w and b.

    Parameters
    ----------
    dy : array (N, K, P, Q)
        dL/dy.

    Returns
    -------
    tuple of array
        dx, dw and db, shaped as x, w and b.

    Raises
    ------
    ValueError
        As `convolve`, or if dy is not shaped as y.
    """
    check_shapes(x, w)
    _check_result("dy", dy, x, w, stride, padding)
    view = windows(x, w.shape[2:], stride, padding)
    dw = np.einsum("ncpqrs,nkpq->kcrs", view, dy, optimize=True)
    n, c, height, width = x.shape
    rows, columns = dy.shape[2:]
    padded = np.zeros(
        (n, c, height + 2 * padding, width + 2 * padding), dy.dtype
    )
    for r in range(w.shape[2]):
        for s in range(w.shape[3]):
            # Each window adds its gradient to the pixels it was read from.
            share = np.einsum("nkpq,kc->ncpq", dy, w[:, :, r, s])
            padded[
                :,
                :,
                r : r + stride * rows : stride,
                s : s + stride * columns : stride,
            ] += share
    inside = slice(padding, padding + height), slice(padding, padding + width)
    return padded[:, :, *inside], dw, dy.sum((0, 2, 3))


def check_shapes(x: Any, w: Any, b: Any = None) -> None:
    """Raise ``ValueError`` unless the shapes fit together."""
    check_axes("x", x, "N, C, H, W")
    check_axes("w", w, "K, C, R, S")
    if x.shape[1] != w.shape[1]:
        raise ValueError(
            "x (N, C, H, W) and w (K, C, R, S) must have the same C, got "
            f"{tuple(x.shape)} and {tuple(w.shape)}"
        )
    if b is not None and tuple(b.shape) != tuple(w.shape[:1]):
        raise ValueError(
            f"b must have the shape {tuple(w.shape[:1])}, got {tuple(b.shape)}"
        )


def _check_result(name, y, x, w, stride, padding):
    expected = (
        x.shape[0],
        w.shape[0],
        output_size(x.shape[2], w.shape[2], stride, padding),
        output_size(x.shape[3], w.shape[3], stride, padding),
    )
    if tuple(y.shape) != expected:
        raise ValueError(
            f"{name} must have the shape {expected}, got {tuple(y.shape)}"
        )


# The kernels. A thread computes GROUP sums at once. It uses each loaded value
# several times, and successive additions don't depend on each other.


@cuda.jit
def convolution_kernel(x, w, b, stride, padding, y):
    """Compute y: a thread for each pixel and GROUP filters."""
    pixel = cuda.grid(1)
    first, n = cuda.blockIdx.y * GROUP, cuda.blockIdx.z
    columns, last = y.shape[3], y.shape[1] - 1
    if pixel < y.shape[2] * columns:
        i, j = pixel // columns, pixel % columns
        # Where the last group is short, its last filter is done again.
        k0, k1, k2 = first, min(first + 1, last), min(first + 2, last)
        sum0, sum1, sum2 = b[k0], b[k1], b[k2]
        for c in range(x.shape[1]):
            for r in range(w.shape[2]):
                u = i * stride + r - padding
                if u >= 0 and u < x.shape[2]:
                    for s in range(w.shape[3]):
                        v = j * stride + s - padding
                        if v >= 0 and v < x.shape[3]:
                            value = x[n, c, u, v]
                            sum0 += value * w[k0, c, r, s]
                            sum1 += value * w[k1, c, r, s]
                            sum2 += value * w[k2, c, r, s]
        y[n, k0, i, j] = sum0
        y[n, k1, i, j] = sum1
        y[n, k2, i, j] = sum2


@cuda.jit
def input_gradient_kernel(dy, w, stride, padding, dx):
    """Compute dx: a thread for each pixel and GROUP channels."""
    pixel = cuda.grid(1)
    first, n = cuda.blockIdx.y * GROUP, cuda.blockIdx.z
    columns, last = dx.shape[3], dx.shape[1] - 1
    if pixel < dx.shape[2] * columns:
        u, v = pixel // columns + padding, pixel % columns + padding
        # The windows that this pixel lies in: u = i stride + r, 0 <= r < R.
        first_i = max(0, (u - w.shape[2] + stride) // stride)
        first_j = max(0, (v - w.shape[3] + stride) // stride)
        end_i = min(dy.shape[2], u // stride + 1)
        end_j = min(dy.shape[3], v // stride + 1)
        c0, c1, c2 = first, min(first + 1, last), min(first + 2, last)
        sum0, sum1, sum2 = float32(0), float32(0), float32(0)
        for k in range(dy.shape[1]):
            for i in range(first_i, end_i):
                r = u - i * stride
                for j in range(first_j, end_j):
                    s = v - j * stride
                    value = dy[n, k, i, j]
                    sum0 += value * w[k, c0, r, s]
                    sum1 += value * w[k, c1, r, s]
                    sum2 += value * w[k, c2, r, s]
        dx[n, c0, u - padding, v - padding] = sum0
        dx[n, c1, u - padding, v - padding] = sum1
        dx[n, c2, u - padding, v - padding] = sum2


@cuda.jit
def weight_gradient_kernel(x, dy, stride, padding, parts):
    """Compute dw of IMAGES images each: a thread for GROUP weights.

    The weights of a thread stand at the same place (c, r, s) of as many
    filters. Shape of parts: (⌈N / IMAGES⌉, K, C, R, S); their sum is dw.
    """
    place = cuda.grid(1)
    first, part = cuda.blockIdx.y * GROUP, cuda.blockIdx.z
    rows, columns = parts.shape[3], parts.shape[4]
    last = dy.shape[1] - 1
    if place < parts.shape[2] * rows * columns:
        c, rest = place // (rows * columns), place % (rows * columns)
        r, s = rest // columns, rest % columns
        k0, k1, k2 = first, min(first + 1, last), min(first + 2, last)
        sum0, sum1, sum2 = float32(0), float32(0), float32(0)
        end = min((part + 1) * IMAGES, x.shape[0])
        for n in range(part * IMAGES, end):
            for i in range(dy.shape[2]):
                u = i * stride + r - padding
                if u >= 0 and u < x.shape[2]:
                    for j in range(dy.shape[3]):
                        v = j * stride + s - padding
                        if v >= 0 and v < x.shape[3]:
                            value = x[n, c, u, v]
                            sum0 += value * dy[n, k0, i, j]
                            sum1 += value * dy[n, k1, i, j]
                            sum2 += value * dy[n, k2, i, j]
        parts[part, k0, c, r, s] = sum0
        parts[part, k1, c, r, s] = sum1
        parts[part, k2, c, r, s] = sum2


@cuda.jit
def bias_gradient_kernel(dy, db):
    """Compute db: a block for each channel, then a tree of its threads."""
    parts = cuda.shared.array(PARTS, float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    k = cuda.blockIdx.x
    total = float32(0)
    for n in range(dy.shape[0]):
        for i in range(ty, dy.shape[2], SQUARE):
            for j in range(tx, dy.shape[3], SQUARE):
                total += dy[n, k, i, j]
    t = ty * SQUARE + tx
    parts[t] = total
    cuda.syncthreads()
    step = PARTS // 2
    while step > 0:
        if t < step:
            parts[t] += parts[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        db[k] = parts[0]


# The launches. They take NumPy arrays, device arrays or tensors.


def pixel_grid(y: Any, group: int = 1) -> tuple[tuple[int, int, int], int]:
    """Return a launch configuration with one thread per pixel of y.

    Parameters
    ----------
    y : array (N, K, P, Q)
        At most 65,535 images, a GPU's limit for the grid's z axis.
    group : int
        Channels that one thread computes.

    Returns
    -------
    grid, block
        The grid's axes: pixels, groups of channels, images.
    """
    n, k, rows, columns = y.shape
    return (-(-rows * columns // THREADS), -(-k // group), n), THREADS


def launch_convolution(
    x: Any, w: Any, b: Any, stride: int, padding: int, y: Any
) -> None:
    """Compute y (N, K, P, Q) of float32 arrays, on the device.

    Raises
    ------
    TypeError, ValueError
        If an array is not float32, or the shapes don't fit.
    """
    check_shapes(x, w, b)
    _check_result("y", y, x, w, stride, padding)
    _check_float32(x=x, w=w, b=b, y=y)
    if x.shape[0]:
        configuration = pixel_grid(y, GROUP)
        convolution_kernel[configuration](x, w, b, stride, padding, y)


def launch_input_gradient(
    dy: Any, w: Any, stride: int, padding: int, dx: Any
) -> None:
    """Compute dx (N, C, H, W); raises as `launch_convolution`."""
    check_shapes(dx, w)
    _check_result("dy", dy, dx, w, stride, padding)
    _check_float32(dy=dy, w=w, dx=dx)
    if dx.shape[0]:
        configuration = pixel_grid(dx, GROUP)
        input_gradient_kernel[configuration](dy, w, stride, padding, dx)


def launch_weight_gradient(
    x: Any, dy: Any, stride: int, padding: int, dw: Any
) -> None:
    """Compute dw (K, C, R, S); raises as `launch_convolution`."""
    check_shapes(x, dw)
    _check_result("dy", dy, x, dw, stride, padding)
    _check_float32(x=x, dy=dy, dw=dw)
    k, c, r, s = dw.shape
    parts = max(1, -(-x.shape[0] // IMAGES))
    grid = -(-c * r * s // THREADS), -(-k // GROUP), parts
    partial = cuda.device_array((parts, k, c, r, s), np.float32)
    weight_gradient_kernel[grid, THREADS](x, dy, stride, padding, partial)
    launch_column_sums(partial.reshape(parts, -1), flat("dw", dw))


def launch_bias_gradient(dy: Any, db: Any) -> None:
    """Compute db (K,); raises as `launch_convolution`."""
    check_axes("dy", dy, "N, K, P, Q")
    check_array("dy", dy, dy.shape)
    check_array("db", db, dy.shape[1:2])
    bias_gradient_kernel[dy.shape[1], (SQUARE, SQUARE)](dy, db)


def _check_float32(**arrays):
    for name, array in arrays.items():
        check_array(name, array, array.shape)


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    x = np.ones((2, 2, 5, 5), np.float32)
    w, b = np.ones((3, 2, 3, 3), np.float32), np.ones(3, np.float32)
    y = np.zeros((2, 3, 3, 3), np.float32)
    launch_convolution(x, w, b, 1, 0, y)
    launch_input_gradient(y, w, 1, 0, x)
    launch_weight_gradient(x, y, 1, 0, w)
    launch_bias_gradient(y, b)
