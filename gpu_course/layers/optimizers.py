"""SGD with momentum and Adam, as kernels that PyTorch's schedules drive.

Each is a ``torch.optim.Optimizer``, so `torch.optim.lr_scheduler` can set its
rate. One kernel launch per parameter does the arithmetic of a step. Symbols:
a parameter θ, its gradient g, the rate η, and the step t, counted from 1.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu_course import cuda
from gpu_course.layers.autograd import memory

if TYPE_CHECKING:
    from gpu_course.training.recipe import Recipe


@cuda.jit
def sgd_kernel(theta, g, velocity, rate, momentum):
    """v ← μ v + g and θ ← θ - η v, one thread an element."""
    i = cuda.grid(1)
    if i < theta.size:
        velocity[i] = momentum * velocity[i] + g[i]
        theta[i] -= rate * velocity[i]


@cuda.jit
def adam_kernel(theta, g, mean, square, share1, share2, rate, root, epsilon):
    """Move θ by the mean of g over the root of its mean square.

    m ← m + (1 - β₁) (g - m),  s ← s + (1 - β₂) (g² - s),
    θ ← θ - rate m / (√s / root + ε), one thread an element. The host has put
    the corrections for the start into rate = η / (1 - β₁ᵗ) and
    root = √(1 - β₂ᵗ), and has taken share1 = 1 - β₁ and share2 = 1 - β₂ in
    float64: in float32, 1 - 0.999 is wrong from the fifth digit.
    """
    i = cuda.grid(1)
    if i < theta.size:
        m = mean[i] + share1 * (g[i] - mean[i])
        s = square[i] + share2 * (g[i] * g[i] - square[i])
        theta[i] -= rate * (m / (math.sqrt(s) / root + epsilon))
        mean[i], square[i] = m, s


class _KernelOptimizer(torch.optim.Optimizer):
    @torch.no_grad()
    def step(self, closure=None):
        """Update each parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss again; ``step`` then returns that loss.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(group, parameter, self.state[parameter])
        return loss


class KernelSGD(_KernelOptimizer):
    """SGD with momentum, as ``torch.optim.SGD`` computes it.

    Parameters
    ----------
    parameters : iterable of tensor
    lr : float
        The rate η, named as in PyTorch, whose schedules set it.
    momentum : float
        μ, from 0 to below 1.
    """

    def __init__(self, parameters, lr, momentum=0.9):
        _check_rate(lr)
        _check_share("momentum", momentum)
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    def _update(self, group, parameter, state):
        if not state:
            state["momentum_buffer"] = _zeros(parameter)
        sgd_kernel.forall(parameter.numel())(
            *_flat(parameter, parameter.grad, state["momentum_buffer"]),
            np.float32(group["lr"]),
            np.float32(group["momentum"]),
        )


class KernelAdam(_KernelOptimizer):
    """Adam, as ``torch.optim.Adam`` computes it.

    After Kingma and Ba, "Adam: a method for stochastic optimization",
    arXiv:1412.6980, algorithm 1.

    Parameters
    ----------
    parameters : iterable of tensor
    lr : float
        The rate η, named as in PyTorch, whose schedules set it.
    betas : tuple of float
        β₁ and β₂, each from 0 to below 1.
    eps : float
        ε, positive.
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        _check_rate(lr)
        for name, beta in zip(("beta1", "beta2"), betas, strict=True):
            _check_share(name, beta)
        if not eps > 0:
            raise ValueError(f"eps must be positive, got {eps}")
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    def _update(self, group, parameter, state):
        if not state:
            state["step"] = 0
            state["exp_avg"] = _zeros(parameter)
            state["exp_avg_sq"] = _zeros(parameter)
        state["step"] += 1
        (beta1, beta2), t = group["betas"], state["step"]
        adam_kernel.forall(parameter.numel())(
            *_flat(
                parameter,
                parameter.grad,
                state["exp_avg"],
                state["exp_avg_sq"],
            ),
            np.float32(1 - beta1),
            np.float32(1 - beta2),
            np.float32(group["lr"] / (1 - beta1**t)),
            np.float32(math.sqrt(1 - beta2**t)),
            np.float32(group["eps"]),
        )


def build(
    recipe: "Recipe", model: torch.nn.Module, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return a kernel optimizer and its schedule, as ``recipe.build`` does.

    Parameters
    ----------
    recipe : gpu_course.training.recipe.Recipe
    model : torch.nn.Module
    steps : int
    """
    rate, parameters = recipe.learning_rate, model.parameters()
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "sgd":
        optimizer = KernelSGD(parameters, rate, recipe.momentum)
    else:
        optimizer = KernelAdam(parameters, rate)
    schedules = torch.optim.lr_scheduler
    if recipe.schedule == "constant":
        return optimizer, schedules.ConstantLR(optimizer, 1, steps)
    return optimizer, schedules.OneCycleLR(optimizer, rate, total_steps=steps)


def _zeros(parameter):
    return torch.zeros_like(parameter, memory_format=torch.contiguous_format)


def _flat(*tensors):
    for tensor in tensors:
        if tensor.dtype != torch.float32:
            raise TypeError(
                f"the kernels take float32 parameters, got {tensor.dtype}"
            )
    return [memory(tensor).reshape(-1) for tensor in tensors]


def _check_rate(rate):
    if not rate >= 0:
        raise ValueError(f"lr must be at least 0, got {rate}")


def _check_share(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be from 0 to below 1, got {value}")


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    for make in (KernelSGD, KernelAdam):
        parameter = torch.ones(3, requires_grad=True)
        parameter.grad = torch.ones(3)
        make([parameter], 0.1).step()
