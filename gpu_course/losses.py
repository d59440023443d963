"""Squared error and cross-entropy, with their gradients.

Symbols: predictions ŷ and targets y of one shape; logits z (N, C): N examples
with a score for each of C classes; labels (N,), the right class of each.
Losses have no unit; cross-entropy is in nats, since its logarithm is natural.

The NumPy functions are the definitions; the kernels are held against them.
"""

import math

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, check_axes, flat

THREADS = 128  # of a block that adds up
MOST_BLOCKS = 64  # of such a grid: each writes one number
WARP = 32  # lanes that share a row of logits
FULL = 0xFFFFFFFF  # all lanes of a warp
MOST_CLASSES = 12_288  # float32 in the 48 KiB of shared memory of a block


# Squared error


def squared_error(prediction, target, reduction="sum"):
    """Return ½ Σ (ŷ - y)², or that divided by the number of elements.

    Parameters
    ----------
    prediction, target : array
        Floating-point, of one shape.
    reduction : {"sum", "mean"}

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    scale = _scale_of_error(prediction, target, reduction)
    return 0.5 * np.square(prediction - target).sum() * scale


def squared_error_gradient(prediction, target, reduction="sum"):
    """Return dL/dŷ = ŷ - y, for the mean divided by the elements."""
    scale = _scale_of_error(prediction, target, reduction)
    return (prediction - target) * prediction.dtype.type(scale)


def _scale_of_error(prediction, target, reduction):
    _check_floating("prediction", prediction)
    _check_floating("target", target)
    if prediction.shape != target.shape:
        raise ValueError(
            "prediction and target must have one shape, got "
            f"{prediction.shape} and {target.shape}: NumPy would broadcast "
            "them"
        )
    return _scale(prediction.size, reduction)


def _scale(count, reduction):
    """Return what a sum over so many terms is multiplied by."""
    if reduction not in ("sum", "mean"):
        raise ValueError(
            f"reduction must be 'sum' or 'mean', got {reduction!r}"
        )
    if reduction == "mean" and count == 0:
        raise ValueError("the mean over no examples is not defined")
    return 1.0 if reduction == "sum" else 1.0 / count


# Cross-entropy


def log_sum_exp(logits):
    """Return log Σ exp(z) of each row (N,), without overflow.

    The largest logit m is taken out first: m + log Σ exp(z - m). No term is
    then above 1, and one of them is 1.
    """
    _check_logits(logits)
    largest, shifted = _shifted(logits)
    with np.errstate(divide="ignore"):  # log 0 where all logits are -inf
        return largest[:, 0] + np.log(np.exp(shifted).sum(axis=1))


def _shifted(logits):
    """Return the largest logit of each row, and the logits less that."""
    largest = logits.max(axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(over="ignore"):  # to -inf, whose exp is 0 all the same
        return largest, logits - largest


def softmax(logits, temperature=1.0):
    """Return the probabilities p (N, C): exp(z / T), divided by their sum.

    Parameters
    ----------
    logits : floating-point array (N, C)
    temperature : float
        T: above 1 flattens the distribution, below 1 sharpens it.
    """
    powers = np.exp(_shifted(_divided(logits, temperature))[1])
    return powers / powers.sum(axis=1, keepdims=True)


def _divided(logits, temperature):
    _check_logits(logits)
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    return logits / logits.dtype.type(temperature)


def cross_entropy(
    logits, labels, reduction="mean", label_smoothing=0.0, temperature=1.0
):
    """Return the cross-entropy of the softmax of logits.

    For one example it is log Σ exp(z) - z[label]: minus the logarithm of the
    probability of the right class.

    Parameters
    ----------
    logits : floating-point array (N, C)
    labels : integer array (N,)
        0 to C - 1.
    reduction : {"mean", "sum"}
        Over the examples.
    label_smoothing : float
        The share ε of each target that is spread over all classes: the
        target is (1 - ε) for the label, and ε / C for each class.
    temperature : float
        The logits are divided by it.

    Raises
    ------
    TypeError
        Logits that are not floating-point, labels that are not integers.
    ValueError
        Shapes that don't fit, a label that is no class, a mean of nothing.
    """
    targets = _targets(logits, labels, label_smoothing)
    scale = _scale(len(logits), reduction)
    # -log p, with m gone: adding a large m would cost the small digits.
    shifted = _shifted(_divided(logits, temperature))[1]
    surprise = log_sum_exp(shifted)[:, None] - shifted
    # A class with no share counts nothing, even if its logit is -inf.
    surprise = np.where(targets > 0, surprise, 0)
    return (targets * surprise).sum() * logits.dtype.type(scale)


def cross_entropy_gradient(
    logits, labels, reduction="mean", label_smoothing=0.0, temperature=1.0
):
    """Return dL/dz = (p - target) / T, for the mean divided by N.

    Parameters and errors as of `cross_entropy`.
    """
    targets = _targets(logits, labels, label_smoothing)
    scale = _scale(len(logits), reduction)
    error = softmax(logits, temperature) - targets
    return error * logits.dtype.type(scale / temperature)


def _targets(logits, labels, label_smoothing):
    """Return the distribution (N, C) that the softmax should be."""
    check_labels(logits, labels, label_smoothing)
    targets = np.full(
        logits.shape, label_smoothing / logits.shape[1], logits.dtype
    )
    targets[np.arange(len(labels)), labels] += 1 - label_smoothing
    return targets


def check_labels(logits, labels, label_smoothing=0.0):
    """Raise unless each label is a class of the logits.

    Of labels on a GPU it waits for their smallest and largest.

    Parameters
    ----------
    logits : array or tensor (N, C)
    labels : array, device array or tensor (N,)
    label_smoothing : float

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.
    """
    _check_logits(logits)
    dtype = str(getattr(labels, "dtype", type(labels).__name__))
    dtype = dtype.removeprefix("torch.")
    if not dtype.startswith(("int", "uint")) or not hasattr(labels, "shape"):
        raise TypeError(
            "labels must be an array of integers, the numbers of classes, "
            f"got {dtype}"
        )
    rows, classes = logits.shape
    if tuple(labels.shape) != (rows,):
        raise ValueError(
            f"labels must have the shape ({rows},), one for each row of the "
            f"logits, got {tuple(labels.shape)}"
        )
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"label_smoothing must be from 0 to 1, got {label_smoothing}"
        )
    if not hasattr(labels, "min"):  # on the device
        labels = np.asarray(labels)
    if rows and not (0 <= labels.min() and labels.max() < classes):
        wrong = (labels < 0) | (labels >= classes)
        row = int(np.asarray(wrong.tolist()).argmax())
        raise ValueError(
            f"the label {int(labels[row])} of row {row} is none of the "
            f"{classes} classes, 0 to {classes - 1}"
        )


def _check_logits(logits):
    _check_floating("logits", logits)
    check_axes("logits", logits, "N, C")
    if logits.shape[1] == 0:
        raise ValueError(
            f"logits need at least one class, got {tuple(logits.shape)}"
        )


def _check_floating(name, array):
    dtype = str(getattr(array, "dtype", type(array).__name__))
    if "float" not in dtype or not hasattr(array, "shape"):
        raise TypeError(
            f"{name} must be a floating-point array, got {dtype}: convert it"
        )


# Kernels that add up. Blocks add a part each, then one block adds the parts,
# in an order that is always the same.


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


# Kernels of cross-entropy: a warp, which is a block, for each row.


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


# Launches. Arrays are NumPy's, the device's, or tensors'.


def launch_sum(values, result, scale=1.0):
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


def launch_squared_error(prediction, target, result, reduction="sum"):
    """Write the squared error to result (1,); raises as `launch_sum`."""
    prediction, target, scale = _flat_pair(prediction, target, reduction)
    size = prediction.shape[0]
    blocks = max(1, min(MOST_BLOCKS, -(-size // THREADS)))
    sums = cuda.device_array(blocks, np.float32)
    squared_error_kernel[blocks, THREADS](prediction, target, sums)
    launch_sum(sums, result, 0.5 * scale)


def launch_squared_error_gradient(
    prediction, target, gradient, reduction="sum"
):
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
    scale = _scale(prediction.shape[0], reduction)
    return prediction, flat("target", target), scale


def launch_cross_entropy(
    logits, labels, losses, gradient, reduction="mean", label_smoothing=0.0
):
    """Write each row's loss (N,) and dL/dz (N, C), with one kernel.

    Parameters
    ----------
    logits, losses, gradient : float32 arrays
    labels : integer array (N,)
    reduction : {"mean", "sum"}
        For the gradient; the losses are those of the single rows.
    label_smoothing : float

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`; more than `MOST_CLASSES` classes.
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
            logits, labels, np.float32(label_smoothing), scale, losses,
            gradient,
        )  # fmt: skip


def launch_cross_entropy_in_three(
    logits, labels, losses, gradient, reduction="mean"
):
    """Do as `launch_cross_entropy`, with three kernels and more traffic."""
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
    return np.float32(_scale(logits.shape[0], reduction))


def rehearse():
    """Launch each kernel on little data, to fix the types it is for."""
    z, labels = np.ones((2, 3), np.float32), np.array([0, 2])
    losses, one = np.ones(2, np.float32), np.ones(1, np.float32)
    launch_squared_error(z, z.copy(), one)
    launch_squared_error_gradient(z, z.copy(), z.copy())
    launch_cross_entropy(z, labels, losses, z.copy())
    launch_cross_entropy_in_three(z, labels, losses, z.copy())
