"""Arrays on the device, and the host's side of them.

On the teaching GPU device memory is host memory, kept apart: an array that
was copied there is changed by kernels, and the host sees it after
``copy_to_host``.
"""

import numpy as np


class DeviceArray:
    """An array in device memory.

    Parameters
    ----------
    array : numpy.ndarray
        The memory; not copied.
    """

    def __init__(self, array):
        self.array = array

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    size = property(lambda self: self.array.size)
    ndim = property(lambda self: self.array.ndim)
    strides = property(lambda self: self.array.strides)
    nbytes = property(lambda self: self.array.nbytes)
    T = property(lambda self: DeviceArray(self.array.T))

    def __len__(self):
        return len(self.array)

    def __repr__(self):
        return f"<device array {self.shape} {self.dtype}>"

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)

    def __getitem__(self, index):
        part = self.array[index]
        return DeviceArray(part) if isinstance(part, np.ndarray) else part

    def __setitem__(self, index, value):
        self.array[index] = _memory(value)

    def copy_to_host(self, ary=None, stream=0):
        """Return a copy in host memory, or fill ``ary`` and return it."""
        if ary is None:
            return self.array.copy()
        if ary.shape != self.shape or ary.dtype != self.dtype:
            raise ValueError(
                f"copy_to_host needs an array of {self.shape} {self.dtype}, "
                f"got {ary.shape} {ary.dtype}"
            )
        ary[...] = self.array
        return ary

    def copy_to_device(self, ary, stream=0):
        """Fill this array from another of the same shape."""
        source = _memory(ary)
        if source.shape != self.shape:
            raise ValueError(
                f"copy_to_device needs the shape {self.shape}, "
                f"got {source.shape}"
            )
        self.array[...] = source

    def reshape(self, *shape):
        """Return the same memory with another shape."""
        return DeviceArray(self.array.reshape(*shape))

    def ravel(self):
        """Return the same memory in one axis."""
        return DeviceArray(self.array.reshape(-1))

    def view(self, dtype):
        """Return the same memory with another dtype."""
        return DeviceArray(self.array.view(dtype))


def _memory(value):
    return value.array if isinstance(value, DeviceArray) else np.asarray(value)


def to_device(obj, stream=0, copy=True, to=None):
    """Copy an array to the device; return it, or ``to`` filled with it."""
    if to is not None:
        to.copy_to_device(obj)
        return to
    return DeviceArray(np.array(_memory(obj)))


def device_array(shape, dtype=np.float64, strides=None, order="C", stream=0):
    """Return an uninitialised device array, as Numba's."""
    return DeviceArray(np.empty(shape, dtype, order))


def device_array_like(ary, stream=0):
    """Return an uninitialised device array of the same shape and dtype."""
    return DeviceArray(np.empty_like(_memory(ary)))


def pinned_array(shape, dtype=np.float64, strides=None, order="C"):
    """Return a host array; page locking needs a GPU's driver."""
    return np.empty(shape, dtype, order)
