"""CUDA kernels in Python, with a GPU or without one.

The names are those of ``numba.cuda``; only the import differs::

    from gpu_course import cuda      # elsewhere: from numba import cuda

README.md describes the design. Imports: common.
"""

from gpu_course.cuda import allocation, devices, host, random
from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.devices import gpus
from gpu_course.cuda.errors import LaunchError
from gpu_course.cuda.frontend import UnsupportedKernel
from gpu_course.cuda.intrinsics import TABLE
from gpu_course.cuda.kernel import CheckFailed, DeviceFunction, Kernel, jit
from gpu_course.cuda.occupancy import occupancy
from gpu_course.cuda.reduction import Reduce

reduce = Reduce
globals().update(TABLE | host.API)  # allocation and devices add to it

__all__ = [
    "CheckFailed",
    "DeviceArray",
    "DeviceFunction",
    "Kernel",
    "LaunchError",
    "Reduce",
    "UnsupportedKernel",
    "allocation",
    "devices",
    "gpus",
    "jit",
    "occupancy",
    "random",
    "reduce",
    *TABLE,
    *host.API,
]


def __getattr__(name):
    from numba.core import types

    if name == "types":
        return types
    if name in types.__all__:  # numba-cuda has Numba's types as well
        return getattr(types, name)
    raise AttributeError(
        f"gpu_course.cuda has no {name!r}. It is a misspelling, or a part of "
        "numba.cuda that the teaching GPU doesn't have."
    )
