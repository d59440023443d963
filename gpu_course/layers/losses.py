"""Squared error and cross-entropy, with their gradients.

Symbols: predictions ŷ and targets y of one shape; logits z (N, C): N examples
with a score for each of C classes; labels (N,), the right class of each.
Losses have no unit. Cross-entropy is in nats, because its logarithm is
natural.

These NumPy functions are the definitions; `loss_kernels` is tested against
them.
"""

from typing import Any

import numpy as np

from gpu_course.layers.checks import check_axes

# Squared error


def squared_error(
    prediction: np.ndarray, target: np.ndarray, reduction: str = "sum"
) -> np.floating:
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


def squared_error_gradient(
    prediction: np.ndarray, target: np.ndarray, reduction: str = "sum"
) -> np.ndarray:
    """Return dL/dŷ = ŷ - y; the mean divides it by the number of elements."""
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
    return scale_of(prediction.size, reduction)


def scale_of(count: int, reduction: str) -> float:
    """Return the factor of a sum over ``count`` terms: 1 or 1 / count.

    Parameters
    ----------
    count : int
    reduction : {"sum", "mean"}

    Raises
    ------
    ValueError
        If the reduction is unknown, or is a mean over no terms.
    """
    if reduction not in ("sum", "mean"):
        raise ValueError(
            f"reduction must be 'sum' or 'mean', got {reduction!r}"
        )
    if reduction == "mean" and count == 0:
        raise ValueError("the mean over no examples is not defined")
    return 1.0 if reduction == "sum" else 1.0 / count


# Cross-entropy


def log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """Return log Σ exp(z) of each row (N,), without overflow.

    It subtracts the largest logit m first: m + log Σ exp(z - m). Then no
    term is above 1, and the largest term is 1.
    """
    _check_logits(logits)
    largest, shifted = _shifted(logits)
    with np.errstate(divide="ignore"):  # log 0, if all logits are -inf
        return largest[:, 0] + np.log(np.exp(shifted).sum(axis=1))


def _shifted(logits):
    """Return each row's largest logit, and the logits minus it."""
    largest = logits.max(axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(over="ignore"):  # to -inf, and exp(-inf) is 0
        return largest, logits - largest


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities p (N, C): exp(z / T) over the row's sum.

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
    logits: np.ndarray,
    labels: np.ndarray,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
) -> np.floating:
    """Return the cross-entropy of the softmax of logits.

    For one example it is log Σ exp(z) - z[label], which is minus the log of
    the right class's probability.

    Parameters
    ----------
    logits : floating-point array (N, C)
    labels : integer array (N,)
        0 to C - 1.
    reduction : {"mean", "sum"}
        Over the examples.
    label_smoothing : float
        The share ε of each target that is spread over all classes. Each
        class gets ε / C, and the label gets another 1 - ε.
    temperature : float
        The logits are divided by it.

    Raises
    ------
    TypeError
        If logits are not floating-point or labels are not integers.
    ValueError
        If shapes don't fit, a label is not a class, or it is a mean over
        no examples.
    """
    targets = _targets(logits, labels, label_smoothing)
    scale = scale_of(len(logits), reduction)
    # -log p, without m: adding back a large m would lose small digits.
    shifted = _shifted(_divided(logits, temperature))[1]
    surprise = log_sum_exp(shifted)[:, None] - shifted
    # A class with target 0 adds nothing, even if its logit is -inf.
    surprise = np.where(targets > 0, surprise, 0)
    return (targets * surprise).sum() * logits.dtype.type(scale)


def cross_entropy_gradient(
    logits: np.ndarray,
    labels: np.ndarray,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
) -> np.ndarray:
    """Return dL/dz = (p - target) / T; the mean divides it by N.

    Parameters and errors are those of `cross_entropy`.
    """
    targets = _targets(logits, labels, label_smoothing)
    scale = scale_of(len(logits), reduction)
    error = softmax(logits, temperature) - targets
    return error * logits.dtype.type(scale / temperature)


def _targets(logits, labels, label_smoothing):
    """Return the target distribution (N, C) of the softmax."""
    check_labels(logits, labels, label_smoothing)
    targets = np.full(
        logits.shape, label_smoothing / logits.shape[1], logits.dtype
    )
    targets[np.arange(len(labels)), labels] += 1 - label_smoothing
    return targets


def check_labels(
    logits: Any, labels: Any, label_smoothing: float = 0.0
) -> None:
    """Raise an error unless each label is a class of the logits.

    For labels on a GPU, the host waits for their minimum and maximum.

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
    if not hasattr(labels, "min"):  # a device array
        labels = np.asarray(labels)
    if rows and not (0 <= labels.min() and labels.max() < classes):
        wrong = (labels < 0) | (labels >= classes)
        row = int(np.asarray(wrong.tolist()).argmax())
        raise ValueError(
            f"label {int(labels[row])} in row {row} must be a class from 0 "
            f"to {classes - 1}"
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
