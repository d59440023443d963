"""Count and predict the memory that a training step holds.

The budget has parameters, their gradients, the optimizer's state, and the
activations that the forward pass keeps for the backward pass. Temporary memory
of the kernels and the allocator's reserve are extra.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Budget:
    """Bytes by purpose."""

    parameters: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All four together, in bytes."""
        return (
            self.parameters
            + self.gradients
            + self.optimizer
            + self.activations
        )


class Saved:
    """The tensors that autograd keeps; those that share memory count once."""

    def __init__(self, known):
        self._known = {_memory(tensor) for tensor in known}
        self._storages = {}

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        key = _memory(tensor)
        if key not in self._known:
            self._storages[key] = tensor.untyped_storage()
        return tensor

    @property
    def bytes(self) -> int:
        return sum(storage.nbytes() for storage in self._storages.values())

    def __len__(self):
        return len(self._storages)


def _memory(tensor):
    return tensor.untyped_storage()._cdata


@contextmanager
def watch_saved(known: Iterable[torch.Tensor] = ()) -> Iterator[Saved]:
    """Record what autograd keeps for the backward pass.

    Put the forward pass inside the ``with`` statement, and the backward pass
    after it.

    Parameters
    ----------
    known : iterable of tensor
        Tensors that are kept anyway, so not counted: mainly parameters.

    Yields
    ------
    Saved
        It has ``bytes``, and a length: the number of pieces of memory.
    """
    saved = Saved(known)
    with torch.autograd.graph.saved_tensors_hooks(saved.add, lambda x: x):
        yield saved


def tensor_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Return the bytes of all elements of the tensors."""
    return sum(x.numel() * x.element_size() for x in tensors)


def count_budget(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[], torch.Tensor],
) -> Budget:
    """Train one step and return the memory that it held: a `Budget`.

    Parameters
    ----------
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
    loss : callable
        Runs the forward pass and returns the loss.
    """
    parameters = list(model.parameters())
    with watch_saved(parameters) as saved:
        value = loss()
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    state = [
        tensor
        for values in optimizer.state.values()
        for tensor in values.values()
        if torch.is_tensor(tensor) and tensor.dim()  # not the step count
    ]
    gradients = [p.grad for p in parameters if p.grad is not None]
    return Budget(
        tensor_bytes(parameters),
        tensor_bytes(gradients),
        tensor_bytes(state),
        saved.bytes,
    )


def draw_budgets(ax: Axes, budgets: Mapping[int, Budget]) -> Axes:
    """Draw budgets as bars, one for each batch size.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    budgets : dict of int to Budget
        The budget of each batch size.
    """
    left = [0.0] * len(budgets)
    for part in ("parameters", "gradients", "optimizer", "activations"):
        sizes = [getattr(budget, part) / 1e6 for budget in budgets.values()]
        ax.barh(range(len(left)), sizes, left=left, label=part)
        left = [one + two for one, two in zip(left, sizes, strict=True)]
    ax.set_yticks(range(len(left)), map(str, budgets))
    ax.set(xlabel="megabytes", ylabel="batch size")
    ax.legend()
    return ax
