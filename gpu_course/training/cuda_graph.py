"""A training step recorded once and replayed as one launch: a CUDA graph.

The recipe is that of PyTorch's documentation, "CUDA semantics", section
"CUDA Graphs" (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""

from collections.abc import Callable
from typing import Any

import torch

WARM_UP = 3


def capture_step(
    step: Callable[..., Any], *inputs: torch.Tensor
) -> Callable[..., Any]:
    """Return a function that does what `step` does, replayed where possible.

    On a GPU the step is run a few times, then recorded; each call copies its
    arguments to where the recorded step reads, and replays it. It must hold to
    what a recording can: the same shapes each time, no look at a number
    by the host, and an optimizer made with ``capturable=True``. The result is
    a tensor that the next call overwrites.

    Without CUDA the step itself is returned, and nothing runs.

    Parameters
    ----------
    step : callable
        From tensors to a tensor. It runs ``WARM_UP`` times here: what these
        change, weights above all, stays changed.
    *inputs : tensor
        Examples, on the device.
    """
    if not inputs or inputs[0].device.type != "cuda":
        return step
    static = [tensor.clone() for tensor in inputs]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            step(*static)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step(*static)

    def replay(*arguments):
        for place, tensor in zip(static, arguments, strict=True):
            if tensor.shape != place.shape:
                raise ValueError(
                    f"a recorded step takes shape {tuple(place.shape)}, got "
                    f"{tuple(tensor.shape)}: record one for that, or pad"
                )
            place.copy_(tensor)
        graph.replay()
        return result

    return replay
