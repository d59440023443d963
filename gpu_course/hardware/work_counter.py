"""Count what PyTorch hands to the device: operations, bytes and FLOPs."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpu_course.hardware.roofline import Ceilings

# These launch no kernel: they hand out memory or read one number for the host.
NO_KERNEL = frozenset(
    (
        "empty",
        "empty_like",
        "empty_strided",
        "new_empty",
        "detach",
        "new_empty_strided",
        "_local_scalar_dense",
        "_unsafe_view",
        "lift_fresh",
    )
)


class WorkCount:
    """The counts that `count_work` yields.

    Attributes
    ----------
    names : collections.Counter
        Number of operations by name.
    bytes : int
        Bytes of all tensors that go into or come out of each operation. Device
        memory has to move this much if no cache helps.
    flops : int
        FLOPs of matrix products and convolutions.
    """

    def __init__(self):
        self.names, self.bytes, self.flops = Counter(), 0, 0

    @property
    def operations(self) -> int:
        """The number of operations; on a GPU each is at least one launch."""
        return self.names.total()


class _Counting(TorchDispatchMode):
    def __init__(self, count):
        super().__init__()
        self.count = count

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name in NO_KERNEL or function.is_view:
            return result
        tensors = [
            leaf
            for leaf in tree_leaves((args, kwargs, result))
            if isinstance(leaf, torch.Tensor)
        ]
        # Single numbers, like an optimizer's step count, are the host's.
        if any(tensor.dim() for tensor in tensors):
            self.count.names[name] += 1
            different = {id(tensor): tensor for tensor in tensors}
            self.count.bytes += sum(
                tensor.numel() * tensor.element_size()
                for tensor in different.values()
            )
        return result


@contextmanager
def count_work() -> Iterator[WorkCount]:
    """Count what PyTorch computes inside the ``with`` statement.

    Views, allocations of memory, and operations on single numbers only are
    left out.

    Yields
    ------
    WorkCount
        Its ``flops`` is set at the end.
    """
    count = WorkCount()
    with FlopCounterMode(display=False) as flops, _Counting(count):
        yield count
    count.flops = flops.get_total_flops()


def training_flops_per_image(model: torch.nn.Module) -> int:
    """Return the FLOPs of one MNIST image's forward and backward pass.

    This counts matrix products and convolutions, at 2 FLOPs a multiply-add.
    For LeNet, the rest is less than a hundredth of that.
    """
    device = next(model.parameters()).device
    image = torch.zeros(1, 1, 28, 28, device=device)
    with FlopCounterMode(display=False) as counter:
        model(image).sum().backward()
    model.zero_grad()
    return counter.get_total_flops()


def step_time_s(
    count: WorkCount,
    ceilings: Ceilings,
    launch_s: float,
    graphed: bool = False,
) -> float:
    """Return the modelled time of a step on a GPU.

        max(launches · launch, bytes / bandwidth, FLOPs / peak)

    The host launches while the device computes, so the slower of the two
    decides. Replayed as a graph, the whole step is one launch.

    Parameters
    ----------
    count : WorkCount
    ceilings : roofline.Ceilings
    launch_s : float
        The host's time for each launch.
    graphed : bool

    Raises
    ------
    ValueError
        If `launch_s` isn't positive.
    """
    if not launch_s > 0:
        raise ValueError(f"launch_s must be positive, got {launch_s}")
    launches = 1 if graphed else count.operations
    return max(
        launches * launch_s,
        ceilings.attainable_time_s(count.flops, count.bytes),
    )
