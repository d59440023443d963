"""CUDA kernels in Python, with a GPU or without one.

The names are those of ``numba.cuda``; only the import differs::

    from gpu_course import cuda      # elsewhere: from numba import cuda
"""

from gpu_course.cuda.arrays import (
    DeviceArray,
    device_array,
    device_array_like,
    pinned_array,
    to_device,
)
from gpu_course.cuda.frontend import UnsupportedKernel
from gpu_course.cuda.intrinsics import TABLE
from gpu_course.cuda.kernel import CheckFailed, DeviceFunction, Kernel, jit

globals().update(TABLE)


def synchronize():
    """Wait for the device; the teaching GPU is done when a launch returns."""


__all__ = [
    "CheckFailed",
    "DeviceArray",
    "DeviceFunction",
    "Kernel",
    "UnsupportedKernel",
    "device_array",
    "device_array_like",
    "jit",
    "pinned_array",
    "synchronize",
    "to_device",
    *TABLE,
]
