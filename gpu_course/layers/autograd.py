"""The layers as `torch.autograd.Function`, and a LeNet built from them.

The kernels work directly on the tensors' memory: a CPU tensor is passed as a
NumPy array, a CUDA tensor as it is. PyTorch manages the graph, the memory and
the order of the backward pass; the course's kernels compute every number. On
a GPU both use the default stream, so the kernels run in PyTorch's order.
"""

import math
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from gpu_course.cuda import backend
from gpu_course.layers import activation, loss_kernels, pooling
from gpu_course.layers import convolution as conv
from gpu_course.layers import linear as lin
from gpu_course.layers.checks import check_axes


def memory(tensor: torch.Tensor) -> Any:
    """Return a tensor's memory in the form a kernel takes, without a copy.

    Raises
    ------
    RuntimeError
        If it is a CUDA tensor but the teaching GPU runs the kernels.
    ValueError
        If the tensor is not contiguous.
    """
    if not tensor.is_contiguous():
        raise ValueError(
            "kernels take contiguous tensors, got strides "
            f"{tensor.stride()} for the shape {tuple(tensor.shape)}: call "
            ".contiguous()"
        )
    if not tensor.is_cuda:
        return tensor.detach().numpy()
    if not backend.uses_gpu():
        raise RuntimeError(
            f"the tensor is on {tensor.device} and the teaching GPU runs the "
            "kernels: move it to the CPU, or unset GPU_COURSE_CUDA"
        )
    return tensor.detach()


def _inputs(*tensors):
    return [tensor.detach().contiguous() for tensor in tensors]


class Convolution(torch.autograd.Function):
    """y from x, w, b, stride and padding, as in `layers.convolution`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        w: torch.Tensor,
        b: torch.Tensor,
        stride: int,
        padding: int,
    ) -> torch.Tensor:
        x, w, b = _inputs(x, w, b)
        conv.check_shapes(x, w, b)
        rows, columns = (
            conv.output_size(x.shape[axis], w.shape[axis], stride, padding)
            for axis in (2, 3)
        )
        y = x.new_empty(x.shape[0], w.shape[0], rows, columns)
        conv.launch_convolution(
            memory(x), memory(w), memory(b), stride, padding, memory(y)
        )
        ctx.save_for_backward(x, w)
        ctx.geometry = stride, padding
        return y

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, dy: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        x, w = ctx.saved_tensors
        (dy,) = _inputs(dy)
        stride, padding = ctx.geometry
        dx = dw = db = None
        if ctx.needs_input_grad[0]:  # False for the input images
            dx = torch.empty_like(x)
            conv.launch_input_gradient(
                memory(dy), memory(w), stride, padding, memory(dx)
            )
        if ctx.needs_input_grad[1]:
            dw = torch.empty_like(w)
            conv.launch_weight_gradient(
                memory(x), memory(dy), stride, padding, memory(dw)
            )
        if ctx.needs_input_grad[2]:
            db = w.new_empty(w.shape[0])
            conv.launch_bias_gradient(memory(dy), memory(db))
        return dx, dw, db, None, None


class MaxPool(torch.autograd.Function):
    """y from x, size and stride, as in `layers.pooling`."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, size: int, stride: int
    ) -> torch.Tensor:
        (x,) = _inputs(x)
        check_axes("images", x, "N, C, H, W")
        rows, columns = (
            conv.output_size(length, size, stride) for length in x.shape[2:]
        )
        y = x.new_empty(*x.shape[:2], rows, columns)
        places = torch.empty_like(y, dtype=torch.int32)
        pooling.launch_max_pool(
            memory(x), size, stride, memory(y), memory(places)
        )
        ctx.save_for_backward(places)
        ctx.geometry = size, stride, x.shape
        return y

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, dy: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        (places,) = ctx.saved_tensors
        (dy,) = _inputs(dy)
        size, stride, shape = ctx.geometry
        dx = dy.new_empty(shape)
        pooling.launch_max_pool_gradient(
            memory(dy), memory(places), size, stride, memory(dx)
        )
        return dx, None, None


class ReLU(torch.autograd.Function):
    """y = max(x, 0), as in `layers.activation`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        (x,) = _inputs(x)
        y = torch.empty_like(x)
        activation.launch_relu(memory(x), memory(y))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> torch.Tensor:
        (y,) = ctx.saved_tensors
        (dy,) = _inputs(dy)
        dx = torch.empty_like(dy)
        activation.launch_relu_gradient(memory(y), memory(dy), memory(dx))
        return dx


class Linear(torch.autograd.Function):
    """y = x wᵀ + b, as in `layers.linear`."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor
    ) -> torch.Tensor:
        x, w, b = _inputs(x, w, b)
        lin.check_shapes(x, w, b)
        y = x.new_empty(x.shape[0], w.shape[0])
        lin.launch_linear(memory(x), memory(w), memory(b), memory(y))
        ctx.save_for_backward(x, w)
        return y

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, dy: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        x, w = ctx.saved_tensors
        (dy,) = _inputs(dy)
        needed = ctx.needs_input_grad
        dx = torch.empty_like(x) if needed[0] else None
        dw = torch.empty_like(w) if needed[1] else None
        db = w.new_empty(w.shape[0]) if needed[2] else None
        lin.launch_linear_gradients(
            memory(x),
            memory(w),
            memory(dy),
            *(None if d is None else memory(d) for d in (dx, dw, db)),
        )
        return dx, dw, db


class CrossEntropy(torch.autograd.Function):
    """The mean cross-entropy, as in `losses`: the fused kernel."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        labels: torch.Tensor,
        label_smoothing: float,
    ) -> torch.Tensor:
        logits, labels = _inputs(logits, labels)
        rows = logits.new_empty(len(logits))
        gradient = torch.empty_like(logits)
        loss_kernels.launch_cross_entropy(
            memory(logits),
            memory(labels),
            memory(rows),
            memory(gradient),
            label_smoothing=label_smoothing,
        )
        loss = logits.new_empty(1)
        loss_kernels.launch_sum(memory(rows), memory(loss), 1 / len(logits))
        ctx.save_for_backward(gradient)
        return loss.reshape(())

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, dloss: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        # dloss is 1 if backward() was called on this loss.
        (gradient,) = ctx.saved_tensors
        return gradient * dloss, None, None


def convolution(
    x: torch.Tensor,
    w: torch.Tensor,
    b: torch.Tensor,
    stride: int = 1,
    padding: int = 0,
) -> torch.Tensor:
    """Return y (N, K, P, Q) for x (N, C, H, W), w (K, C, R, S) and b (K,)."""
    return Convolution.apply(x, w, b, stride, padding)


def max_pool(
    x: torch.Tensor, size: int = 2, stride: int | None = None
) -> torch.Tensor:
    """Return the maximum of each window; the stride is ``size`` if None."""
    return MaxPool.apply(x, size, size if stride is None else stride)


def relu(x: torch.Tensor) -> torch.Tensor:
    """Return max(x, 0), of any shape."""
    return ReLU.apply(x)


def linear(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return y (N, O) for x (N, I), w (O, I) and b (O,)."""
    return Linear.apply(x, w, b)


def cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Return the mean cross-entropy of logits (N, C) and labels (N,)."""
    return CrossEntropy.apply(logits, labels, label_smoothing)


class Weights(nn.Module):
    """A weight and a bias, initialised as in PyTorch's own layers.

    Both are uniform from -1/√n to 1/√n, with n the inputs of one output.
    """

    def __init__(self, *shape):
        super().__init__()
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(shape[0]).uniform_(-bound, bound))


class KernelLeNet(nn.Module):
    """`models.LeNet` with the course's kernels for each layer.

    It has the same parameters under the same names, so each can load the
    other's ``state_dict()``. The same seed gives the same initial values.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = Weights(6, 1, 5, 5)  # 28 -> 24
        self.conv2 = Weights(16, 6, 5, 5)  # 12 -> 8
        self.fc1 = Weights(120, 16 * 4 * 4)
        self.fc2 = Weights(84, 120)
        self.fc3 = Weights(10, 84)

    def forward(self, images):
        """Return logits (N, 10) for images (N, 1, 28, 28)."""
        x = convolution(images, self.conv1.weight, self.conv1.bias)
        x = relu(max_pool(x))
        x = convolution(x, self.conv2.weight, self.conv2.bias)
        x = relu(max_pool(x))
        x = x.flatten(start_dim=1)
        x = relu(linear(x, self.fc1.weight, self.fc1.bias))
        x = relu(linear(x, self.fc2.weight, self.fc2.bias))
        return linear(x, self.fc3.weight, self.fc3.bias)
