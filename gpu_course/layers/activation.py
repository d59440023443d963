"""ReLU, y = max(x, 0), forward and backward.

The gradient passes where x > 0. At x = 0 there is no derivative; like
PyTorch, we use 0. Where x is NaN the gradient passes, also as in PyTorch.
"""

from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, flat


def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0), of any shape; NaN stays NaN."""
    return np.maximum(x, 0)


def relu_backward(y: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dx from the output y and dL/dy, two arrays of one shape."""
    if y.shape != dy.shape:
        raise ValueError(
            f"y and dy must have one shape, got {y.shape} and {dy.shape}"
        )
    return np.where(y <= 0, 0, dy).astype(dy.dtype)


@cuda.jit
def relu_kernel(x, y):
    """Compute y of arrays with one axis, one thread an element."""
    i = cuda.grid(1)
    if i < x.size:
        value = x[i]
        y[i] = float32(0) if value < 0 else value


@cuda.jit
def relu_gradient_kernel(y, dy, dx):
    """Compute dx of arrays with one axis, one thread an element."""
    i = cuda.grid(1)
    if i < y.size:
        value = dy[i]
        dx[i] = float32(0) if y[i] <= 0 else value


def launch_relu(x: Any, y: Any) -> None:
    """Compute y of float32 arrays of one shape, on the device.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    check_array("x", x, x.shape)
    check_array("y", y, x.shape)
    x, y = flat("x", x), flat("y", y)
    relu_kernel.forall(x.shape[0])(x, y)


def launch_relu_gradient(y: Any, dy: Any, dx: Any) -> None:
    """Compute dx from the output y and dy; raises as `launch_relu`."""
    check_array("y", y, y.shape)
    check_array("dy", dy, y.shape)
    check_array("dx", dx, y.shape)
    y, dy, dx = flat("y", y), flat("dy", dy), flat("dx", dx)
    relu_gradient_kernel.forall(y.shape[0])(y, dy, dx)


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    x = np.ones(3, np.float32)
    launch_relu(x, x.copy())
    launch_relu_gradient(x, x.copy(), x.copy())
