"""Kernels of squared error and cross-entropy, tested against `losses`."""

import math
from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, flat
from gpu_course.layers.losses import check_labels, scale_of

THREADS = 128  # per block of a sum
MOST_BLOCKS = 64  # per grid of a sum: each block writes one number
WARP = 32  # lanes that share a row of logits
FULL = 0xFFFFFFFF  # all lanes of a warp
MOST_CLASSES = 12_288  # float32 values in a block's 48 KiB of shared memory

# Kernels for sums. Each block sums a part, then one block sums the parts. The
# order never changes, so neither do the bits of the result.


@cuda.jit(device=True)
def tree_sum(parts, t):
    """Add up what the threads of a block put into parts, in parts[0]."""
    cuda.syncthreads()
    step = THREADS // 2
    while step > 0:
        if t < step:
            parts[t] += parts[t + step]
        cuda.syncthreads()
        step //= 2


@cuda.jit
def squared_error_kernel(prediction, target, sums):
    """Write each block's Σ (ŷ - y)²: a tree over strides of the grid."""
    parts = cuda.shared.array(THREADS, float32)
    total = float32(0)
    for i in range(cuda.grid(1), prediction.size, cuda.gridsize(1)):
        error = prediction[i] - target[i]
        total += error * error
    t = cuda.threadIdx.x
    parts[t] = total
    tree_sum(parts, t)
    if t == 0:
        sums[cuda.blockIdx.x] = parts[0]


@cuda.jit
def squared_error_gradient_kernel(prediction, target, scale, gradient):
    """Write scale (ŷ - y), one thread an element."""
    i = cuda.grid(1)
    if i < prediction.size:
        gradient[i] = scale * (prediction[i] - target[i])


@cuda.jit
def sum_kernel(values, scale, result):
    """Write scale Σ values to result[0], with one block."""
    parts = cuda.shared.array(THREADS, float32)
    t = cuda.threadIdx.x
    total = float32(0)
    for i in range(t, values.size, THREADS):
        total += values[i]
    parts[t] = total
    tree_sum(parts, t)
    if t == 0:
        result[0] = scale * parts[0]


# Kernels for cross-entropy: one warp per row, one warp per block.


@cuda.jit(device=True)
def warp_max(value):
    """Return the largest value of a warp, in each lane."""
    step = WARP // 2
    while step > 0:
        value = max(value, cuda.shfl_xor_sync(FULL, value, step))
        step //= 2
    return value


@cuda.jit(device=True)
def warp_sum(value):
    """Return the sum of a warp, in each lane."""
    step = WARP // 2
    while step > 0:
        value += cuda.shfl_xor_sync(FULL, value, step)
        step //= 2
    return value


@cuda.jit
def cross_entropy_kernel(logits, labels, smoothing, scale, losses, gradient):
    """Write loss and gradient of each row, reading its logits once.

    The row waits in dynamic shared memory between its three uses.
    """
    row = cuda.shared.array(0, float32)
    n, lane, classes = cuda.blockIdx.x, cuda.threadIdx.x, logits.shape[1]
    largest = float32(-math.inf)
    for c in range(lane, classes, WARP):
        row[c] = logits[n, c]
        largest = max(largest, row[c])
    largest = warp_max(largest)
    total, mean = float32(0), float32(0)
    for c in range(lane, classes, WARP):
        row[c] -= largest
        total += math.exp(row[c])
        mean += row[c] / float32(classes)
    total, mean = warp_sum(total), warp_sum(mean)
    cuda.syncwarp()
    label = labels[n]
    if lane == 0:
        expected = row[label]
        if smoothing > 0:
            expected += smoothing * (mean - expected)
        losses[n] = math.log(total) - expected
    for c in range(lane, classes, WARP):
        target = smoothing / float32(classes)
        if c == label:
            target += float32(1) - smoothing
        share = math.exp(row[c]) / total
        gradient[n, c] = scale * (share - target)


@cuda.jit
def row_max_kernel(logits, maxima):
    """Write the largest logit of each row: the first of three kernels."""
    n, lane = cuda.blockIdx.x, cuda.threadIdx.x
    largest = float32(-math.inf)
    for c in range(lane, logits.shape[1], WARP):
        largest = max(largest, logits[n, c])
    largest = warp_max(largest)
    if lane == 0:
        maxima[n] = largest


@cuda.jit
def row_sum_kernel(logits, maxima, sums):
    """Write Σ exp(z - max) of each row: the second of three kernels."""
    n, lane = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for c in range(lane, logits.shape[1], WARP):
        total += math.exp(logits[n, c] - maxima[n])
    total = warp_sum(total)
    if lane == 0:
        sums[n] = total


@cuda.jit
def row_loss_kernel(logits, labels, maxima, sums, scale, losses, gradient):
    """Write loss and gradient of each row: the third of three kernels."""
    n, lane = cuda.blockIdx.x, cuda.threadIdx.x
    label = labels[n]
    if lane == 0:
        losses[n] = math.log(sums[n]) - (logits[n, label] - maxima[n])
    for c in range(lane, logits.shape[1], WARP):
        share = math.exp(logits[n, c] - maxima[n]) / sums[n]
        target = float32(1) if c == label else float32(0)
        gradient[n, c] = scale * (share - target)


# The launches. They take NumPy arrays, device arrays or tensors.


def launch_sum(values: Any, result: Any, scale: float = 1.0) -> None:
    """Write scale Σ values (any shape) to result (1,), on the device.

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    check_array("values", values, values.shape)
    check_array("result", result, (1,))
    values = flat("values", values)
    sum_kernel[1, THREADS](values, np.float32(scale), result)


def launch_squared_error(
    prediction: Any, target: Any, result: Any, reduction: str = "sum"
) -> None:
    """Write the squared error to result (1,); raises as `launch_sum`."""
    prediction, target, scale = _flat_pair(prediction, target, reduction)
    size = prediction.shape[0]
    blocks = max(1, min(MOST_BLOCKS, -(-size // THREADS)))
    sums = cuda.device_array(blocks, np.float32)
    squared_error_kernel[blocks, THREADS](prediction, target, sums)
    launch_sum(sums, result, 0.5 * scale)


def launch_squared_error_gradient(
    prediction: Any, target: Any, gradient: Any, reduction: str = "sum"
) -> None:
    """Write dL/dŷ to gradient; raises as `launch_sum`."""
    check_array("gradient", gradient, prediction.shape)
    gradient = flat("gradient", gradient)
    prediction, target, scale = _flat_pair(prediction, target, reduction)
    squared_error_gradient_kernel.forall(prediction.shape[0])(
        prediction, target, np.float32(scale), gradient
    )


def _flat_pair(prediction, target, reduction):
    check_array("prediction", prediction, prediction.shape)
    check_array("target", target, prediction.shape)
    prediction = flat("prediction", prediction)
    scale = scale_of(prediction.shape[0], reduction)
    return prediction, flat("target", target), scale


def launch_cross_entropy(
    logits: Any,
    labels: Any,
    losses: Any,
    gradient: Any,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> None:
    """Write each row's loss (N,) and dL/dz (N, C), with one kernel.

    Parameters
    ----------
    logits : float32 array (N, C)
    labels : integer array (N,)
    losses, gradient : float32 arrays
    reduction : {"mean", "sum"}
        For the gradient only; the losses are always one per row.
    label_smoothing : float

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`, or if there are over `MOST_CLASSES` classes.
    """
    scale = _check_launch(
        logits, labels, losses, gradient, reduction, label_smoothing
    )
    rows, classes = logits.shape
    if classes > MOST_CLASSES:
        raise ValueError(
            f"a row must fit into shared memory: at most {MOST_CLASSES} "
            f"classes, got {classes}. launch_cross_entropy_in_three has no "
            "limit."
        )
    if rows:
        cross_entropy_kernel[rows, WARP, 0, 4 * classes](
            logits,
            labels,
            np.float32(label_smoothing),
            scale,
            losses,
            gradient,
        )


def launch_cross_entropy_in_three(
    logits: Any,
    labels: Any,
    losses: Any,
    gradient: Any,
    reduction: str = "mean",
) -> None:
    """Compute the same with three kernels and more memory traffic."""
    scale = _check_launch(logits, labels, losses, gradient, reduction)
    rows = logits.shape[0]
    if rows:
        maxima, sums = (cuda.device_array(rows, np.float32) for _ in "12")
        row_max_kernel[rows, WARP](logits, maxima)
        row_sum_kernel[rows, WARP](logits, maxima, sums)
        row_loss_kernel[rows, WARP](
            logits, labels, maxima, sums, scale, losses, gradient
        )


def _check_launch(logits, labels, losses, gradient, reduction, smoothing=0.0):
    check_array("logits", logits, logits.shape)
    check_labels(logits, labels, smoothing)
    check_array("losses", losses, logits.shape[:1])
    check_array("gradient", gradient, logits.shape)
    return np.float32(scale_of(logits.shape[0], reduction))


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    z, labels = np.ones((2, 3), np.float32), np.array([0, 2])
    losses, one = np.ones(2, np.float32), np.ones(1, np.float32)
    launch_squared_error(z, z.copy(), one)
    launch_squared_error_gradient(z, z.copy(), z.copy())
    launch_cross_entropy(z, labels, losses, z.copy())
    launch_cross_entropy_in_three(z, labels, losses, z.copy())
