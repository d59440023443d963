"""CUDA kernels in Python, with a GPU or without one.

The names are those of ``numba.cuda``; only the import differs::

    from gpu_course import cuda      # elsewhere: from numba import cuda
"""

from gpu_course.cuda import allocation, devices, host, random
from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.devices import gpus
from gpu_course.cuda.frontend import UnsupportedKernel
from gpu_course.cuda.intrinsics import TABLE
from gpu_course.cuda.kernel import CheckFailed, DeviceFunction, Kernel, jit
from gpu_course.cuda.reduction import Reduce

reduce = Reduce
globals().update(TABLE | host.API)  # also of allocation and devices

__all__ = [
    "CheckFailed",
    "DeviceArray",
    "DeviceFunction",
    "Kernel",
    "Reduce",
    "UnsupportedKernel",
    "allocation",
    "devices",
    "gpus",
    "jit",
    "random",
    "reduce",
    *TABLE,
    *host.API,
]
