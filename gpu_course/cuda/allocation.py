"""Make arrays on the device, and copy data to it.

With a GPU, each function calls the one of the same name in ``numba.cuda``.
"""

import contextlib
import operator

import numpy as np

from gpu_course.cuda.arrays import (
    DeviceArray,
    check_contiguous,
    is_whole,
    memory,
)
from gpu_course.cuda.host import forwarded

# The contents of uninitialised memory. On a GPU they are garbage that changes
# from run to run. Here they are always the same, so outputs can be stored.
# Read as a float of any width they are NaN, as a wide integer far too large.
GARBAGE = np.uint16(0x7FFB)


@forwarded
def to_device(obj, stream=0, copy=True, to=None):
    """Copy to the device; return the device array, or ``to`` once filled.

    Parameters
    ----------
    obj : array, list or number
        An array that is already on the device is returned unchanged.
    copy : bool
        False: only make the device array, uninitialised.
    to : DeviceArray, optional
    """
    if to is None:
        if isinstance(obj, DeviceArray):
            return obj
        array = memory(obj)
        check_contiguous(array)
        if not copy:
            return device_array_like(array)
        return DeviceArray(np.array(array, order="A"), stream)
    if copy:
        to.copy_to_device(obj)
    return to


def _uninitialised(shape, dtype, strides, order):
    dtype = np.dtype(dtype)
    shape = (shape,) if is_whole(shape) else tuple(shape)
    shape = tuple(operator.index(n) for n in shape)
    if dtype.hasobject:
        raise TypeError(f"device memory can't hold the dtype {dtype}")
    if any(n < 0 for n in shape):
        raise ValueError(f"the shape must not be negative, got {shape}")
    if isinstance(strides, int):
        strides = (strides,)
    if strides is None:
        size = dtype.itemsize * int(np.prod(shape, dtype=object))
    else:
        steps = zip(shape, strides, strict=True)
        size = dtype.itemsize + sum((n - 1) * step for n, step in steps)
    buffer = np.full(max(size, 1) // 2 + 1, GARBAGE)
    array = np.ndarray(shape, dtype, buffer, 0, strides, order)
    if dtype.kind == "b":  # the garbage is no valid bool
        array[...] = True
    return array


def _uninitialised_like(ary):
    source = memory(ary)
    strides = np.empty_like(source, subok=False).strides
    return _uninitialised(source.shape, source.dtype, strides or None, "C")


@forwarded
def device_array(shape, dtype=np.float64, strides=None, order="C", stream=0):
    """Return an uninitialised device array: see ``GARBAGE``."""
    return DeviceArray(_uninitialised(shape, dtype, strides, order), stream)


@forwarded
def device_array_like(ary, stream=0):
    """Return an uninitialised device array of the same shape and dtype."""
    return DeviceArray(_uninitialised_like(ary), stream)


# Page-locked, mapped and managed memory need a GPU's driver. Kernels of the
# teaching GPU use the host's memory, so any host array serves as all of these.


@forwarded
def pinned_array(shape, dtype=np.float64, strides=None, order="C"):
    """Return an uninitialised host array, page-locked with a GPU."""
    return _uninitialised(shape, dtype, strides, order)


@forwarded
def pinned_array_like(ary):
    """Return a `pinned_array` of the same shape and dtype."""
    return _uninitialised_like(ary)


@forwarded
def mapped_array(
    shape,
    dtype=np.float64,
    strides=None,
    order="C",
    stream=0,
    portable=False,
    wc=False,
):
    """Return an uninitialised host array that kernels use in place."""
    return _uninitialised(shape, dtype, strides, order)


@forwarded
def mapped_array_like(ary, stream=0, portable=False, wc=False):
    """Return a `mapped_array` of the same shape and dtype."""
    return _uninitialised_like(ary)


@forwarded
def managed_array(
    shape,
    dtype=np.float64,
    strides=None,
    order="C",
    stream=0,
    attach_global=True,
):
    """Return an uninitialised array that host and device share."""
    return _uninitialised(shape, dtype, strides, order)


@forwarded
@contextlib.contextmanager
def pinned(*arylist):
    """Page-lock host arrays in the ``with`` block if there is a GPU."""
    yield


@forwarded
@contextlib.contextmanager
def mapped(*arylist, stream=0):
    """Yield device arrays that share the memory of host arrays."""
    shared = [DeviceArray(ary, stream) for ary in arylist]
    yield shared[0] if len(shared) == 1 else shared


@forwarded
def is_cuda_array(obj):
    """Whether an object's memory is on the device."""
    return isinstance(obj, DeviceArray) or hasattr(
        obj, "__cuda_array_interface__"
    )


@forwarded
def as_cuda_array(obj, sync=True):
    """Return a device array that shares another library's GPU memory.

    Raises
    ------
    TypeError, RuntimeError
        If it has no GPU memory, or memory that the teaching GPU can't reach.
    """
    if isinstance(obj, DeviceArray):
        return obj
    if not is_cuda_array(obj):
        raise TypeError(
            f"{type(obj).__name__} doesn't implement the CUDA array "
            "interface. Copy it with cuda.to_device."
        )
    raise RuntimeError(
        f"this {type(obj).__name__} is in a GPU's memory, and kernels run on "
        "the teaching GPU here. Copy it to the host, then use cuda.to_device."
    )


class Hint:
    """A launch argument that says in which direction it is copied."""

    def __init__(self, value, back=True):
        self.value, self.back = value, back

    def memory(self):
        """Return the kernel's array: a copy if nothing is copied back."""
        if self.back or isinstance(self.value, DeviceArray):
            return memory(self.value)
        return memory(self.value).copy()


@forwarded
def In(value):  # noqa: N802, a class in Numba
    """Return an argument that is copied to the device and not back."""
    return Hint(value, back=False)


@forwarded
def Out(value):  # noqa: N802
    """Return an argument that is only copied back."""
    return Hint(value)


@forwarded
def InOut(value):  # noqa: N802
    """Return an argument that is copied both ways, as any array is."""
    return Hint(value)
