"""The linear layer y = x wᵀ + b, forward and backward, and matrix products.

Symbols: inputs x (N, I), weights w (O, I), bias b (O,), outputs y (N, O).
With dy = dL/dy:

    dx = dy w      dw = dyᵀ x      db = Σ_n dy[n]
"""

from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, check_axes, is_contiguous
from gpu_course.layers.sums import launch_column_sums

TILE = 16  # one block computes TILE × TILE elements
PITCH = TILE + 1  # words per tile row: no bank conflicts down a column


def linear(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return y (N, O).

    Raises
    ------
    ValueError
        If the shapes don't fit.
    """
    check_shapes(x, w, b)
    return x @ w.T + b


def linear_backward(
    x: np.ndarray, w: np.ndarray, dy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dx, dw and db, shaped as x, w and b; raises as `linear`."""
    check_shapes(x, w)
    if dy.shape != (x.shape[0], w.shape[0]):
        raise ValueError(
            f"dy must have the shape {(x.shape[0], w.shape[0])}, got "
            f"{dy.shape}"
        )
    return dy @ w, dy.T @ x, dy.sum(0)


def check_shapes(x: Any, w: Any, b: Any = None) -> None:
    """Raise ``ValueError`` unless the shapes fit together."""
    check_axes("x", x, "N, I")
    check_axes("w", w, "O, I")
    if x.shape[1] != w.shape[1]:
        raise ValueError(
            "x (N, I) and w (O, I) must have the same I, got "
            f"{tuple(x.shape)} and {tuple(w.shape)}"
        )
    if b is not None and tuple(b.shape) != tuple(w.shape[:1]):
        raise ValueError(
            f"b must have the shape {tuple(w.shape[:1])}, got {tuple(b.shape)}"
        )


def tile_grid(out: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return a launch configuration with one block per tile of out."""
    rows, columns = out.shape
    return (-(-columns // TILE), -(-rows // TILE)), (TILE, TILE)


@cuda.jit
def matmul_kernel(a, b, a_turned, b_turned, out):
    """Compute out = a b, a block for each tile of out.

    Of a transposed view, which is turned, a column is what lies together in
    memory. Neighbouring threads then load along the column.
    """
    tile_a = cuda.shared.array((TILE, PITCH), float32)
    tile_b = cuda.shared.array((TILE, PITCH), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    first_row, first_column = cuda.blockIdx.y * TILE, cuda.blockIdx.x * TILE
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        y, x = (tx, ty) if a_turned else (ty, tx)
        row, k = first_row + y, start + x
        inside = row < a.shape[0] and k < a.shape[1]
        tile_a[y, x] = a[row, k] if inside else float32(0)
        y, x = (tx, ty) if b_turned else (ty, tx)
        k, column = start + y, first_column + x
        inside = k < b.shape[0] and column < b.shape[1]
        tile_b[y, x] = b[k, column] if inside else float32(0)
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    row, column = first_row + ty, first_column + tx
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] = total


@cuda.jit
def add_bias_kernel(y, b):
    """Add b to each row of y, one thread an element."""
    i = cuda.grid(1)
    if i < y.size:
        y[i // b.size, i % b.size] += b[i % b.size]


def launch_matmul(a: Any, b: Any, out: Any) -> None:
    """Compute out (N, M) = a (N, I) b (I, M) of float32, on the device.

    Either input may be a transposed view of an array.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    check_axes("a", a, "N, I")
    check_axes("b", b, "I, M")
    check_array("a", a, a.shape)
    check_array("b", b, (a.shape[1], b.shape[1]))
    check_array("out", out, (a.shape[0], b.shape[1]))
    if out.shape[0] and out.shape[1]:
        turned = not is_contiguous(a), not is_contiguous(b)
        matmul_kernel[tile_grid(out)](a, b, *turned, out)


def launch_linear(x: Any, w: Any, b: Any, y: Any) -> None:
    """Compute y (N, O); raises as `launch_matmul`."""
    check_shapes(x, w, b)
    check_array("b", b, b.shape)
    launch_matmul(x, w.T, y)
    add_bias_kernel.forall(y.shape[0] * y.shape[1])(y, b)


def launch_linear_gradients(
    x: Any, w: Any, dy: Any, dx: Any, dw: Any, db: Any
) -> None:
    """Compute dx, dw and db; any of them may be None.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    check_shapes(x, w)
    check_array("dy", dy, (x.shape[0], w.shape[0]))
    if dx is not None:
        launch_matmul(dy, w, dx)
    if dw is not None:
        launch_matmul(dy.T, x, dw)
    if db is not None:
        launch_column_sums(dy, db)


def rehearse() -> None:
    """Launch each kernel on little data, to fix the types it is for."""
    x, w = np.ones((3, 4), np.float32), np.ones((2, 4), np.float32)
    y, b = np.ones((3, 2), np.float32), np.ones(2, np.float32)
    launch_linear(x, w, b, y)
    launch_linear_gradients(x, w, y, x.copy(), w.copy(), b.copy())
