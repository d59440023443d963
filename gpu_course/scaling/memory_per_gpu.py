"""The memory of one GPU when many share a network, and what sharing costs.

Mixed-precision Adam keeps 16 bytes for each parameter: 2 of the 16-bit weight,
2 of its gradient, and 12 of 32-bit numbers, the weight and Adam's two means
(Rajbhandari et al., "ZeRO: Memory optimizations toward training trillion
parameter models", 2020). Activations come on top.
"""

from dataclasses import dataclass

import numpy as np

WEIGHT, GRADIENT, OPTIMIZER = 2, 2, 12  # bytes a parameter


def zero_bytes(parameters: float, gpus: int, stage: int) -> float:
    """Return the bytes of one of so many data-parallel GPUs.

    Parameters
    ----------
    parameters : float
    gpus : int
    stage : {0, 1, 2, 3}
        What the GPUs divide among themselves: nothing; the optimizer's
        numbers; the gradients, too; the weights, too.

    Raises
    ------
    ValueError
        If there is no such stage.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage must be 0, 1, 2 or 3, got {stage}")
    bytes_each = sum(
        size / gpus if stage >= first else size
        for first, size in ((1, OPTIMIZER), (2, GRADIENT), (3, WEIGHT))
    )
    return parameters * bytes_each


@dataclass(frozen=True)
class Layout:
    """How GPUs divide a network and its data.

    Attributes
    ----------
    data : int
        Groups of GPUs that each have a share of the batch.
    tensor : int
        GPUs that divide each layer.
    pipeline : int
        GPUs, or groups that divide layers, that follow one another.
    stage : int
        As of `zero_bytes`, among the groups of `data`.
    """

    data: int = 1
    tensor: int = 1
    pipeline: int = 1
    stage: int = 0

    @property
    def gpus(self) -> int:
        return self.data * self.tensor * self.pipeline

    def state_bytes(self, parameters: float) -> float:
        """Return the bytes of weights, gradients and optimizer on a GPU."""
        part = parameters / (self.tensor * self.pipeline)
        return zero_bytes(part, self.data, self.stage)


def pipeline_schedule(stages: int, microbatches: int) -> np.ndarray:
    """Return who computes what when: GPipe's schedule.

    Forward and backward of a microbatch take one unit of time on each stage.

    Parameters
    ----------
    stages, microbatches : int

    Returns
    -------
    int array (stages, units of time)
        m + 1 for the forward pass of microbatch m, -(m + 1) for its backward
        pass, 0 for idle.
    """
    length = microbatches + stages - 1
    plan = np.zeros((stages, 2 * length), int)
    for stage in range(stages):
        for m in range(microbatches):
            plan[stage, stage + m] = m + 1
            back = (stages - 1 - stage) + (microbatches - 1 - m)
            plan[stage, length + back] = -(m + 1)
    return plan
