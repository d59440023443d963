"""Launches for tests; a trace first shows that they have no fault."""

import numpy as np

from gpu_course import cuda


def clean(kernel, grid, block, *arguments, dynamic=0):
    """Trace a kernel, assert that it has no fault, then launch it."""
    configuration = (grid, block, 0, dynamic)
    assert kernel.trace[configuration](*arguments).findings == []
    kernel[configuration](*arguments)


def run(function, *arguments, threads=1, out=1, dtype=np.float64):
    """Launch a kernel with one output and return the output."""
    result = np.zeros(out, dtype)
    clean(cuda.jit(function), 1, threads, *arguments, result)
    return result.tolist()
