"""Column sums of a matrix: the gradient of every bias is one."""

from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array, check_axes


@cuda.jit
def column_sums_kernel(rows, sums):
    """Add up each column, one thread a column.

    Neighbouring threads read neighbouring elements, and each sum has one
    order: the same bits every time, without atomics.
    """
    column = cuda.grid(1)
    if column < sums.size:
        total = float32(0)
        for row in range(rows.shape[0]):
            total += rows[row, column]
        sums[column] = total


def launch_column_sums(rows: Any, sums: Any) -> None:
    """Compute sums (M,) of the columns of rows (N, M), on the device."""
    check_axes("rows", rows, "N, M")
    check_array("rows", rows, rows.shape)
    check_array("sums", sums, rows.shape[1:])
    column_sums_kernel.forall(rows.shape[1])(rows, sums)


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    launch_column_sums(np.ones((2, 3), np.float32), np.ones(3, np.float32))
