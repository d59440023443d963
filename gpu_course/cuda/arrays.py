"""Arrays on the device, as the host sees them.

On the teaching GPU, device memory is a separate part of host memory. Kernels
change the device array, and the host sees the changes after ``copy_to_host``.
Operations that a GPU refuses are refused here too, so that a program that
runs here also runs there.
"""

import numpy as np


class DeviceArray:
    """An array in device memory, or a record (0-d, structured dtype).

    It has the methods of Numba's ``DeviceNDArray`` but no arithmetic: that
    belongs in kernels. Indexing takes whole numbers and slices.

    Parameters
    ----------
    array : numpy.ndarray
        The memory; not copied.
    stream : Stream or 0
    """

    def __init__(self, array, stream=0):
        self.array, self.stream = array, stream

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    size = property(lambda self: self.array.size)
    ndim = property(lambda self: self.array.ndim)
    strides = property(lambda self: self.array.strides)
    nbytes = property(lambda self: self.array.nbytes)
    T = property(lambda self: self.transpose())

    @property
    def _numba_type_(self):
        from numba import typeof

        return typeof(self.array)

    @property
    def flags(self):
        """Whether the memory is contiguous, by row or by column."""
        names = ("C_CONTIGUOUS", "F_CONTIGUOUS")
        return {name: self.array.flags[name] for name in names}

    def is_c_contiguous(self):
        """Whether the rows follow each other in memory."""
        return self.flags["C_CONTIGUOUS"]

    def is_f_contiguous(self):
        """Whether the columns follow each other in memory."""
        return self.flags["F_CONTIGUOUS"]

    def __len__(self):
        return len(self.array)

    def __repr__(self):
        return f"<device array {self.shape} {self.dtype}>"

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("a device array reaches the host only as a copy")
        return np.asarray(self.copy_to_host(), dtype=dtype)

    def bind(self, stream=0):
        """Return the same memory with another default stream."""
        return DeviceArray(self.array, stream)

    def _part(self, index):
        """Return a view of the part of the memory that an index selects."""
        if isinstance(index, str) and self.dtype.names and not self.ndim:
            return self.array[index]
        parts = index if isinstance(index, tuple) else (index,)
        for part in parts:
            if not isinstance(part, slice) and not is_whole(part):
                raise TypeError(
                    "a device array takes whole numbers and slices as its "
                    f"index, got {part!r}. Index a copy: copy_to_host()."
                )
        return self.array[(*parts, ...)]

    def __getitem__(self, index):
        part = self._part(index)
        if part.ndim or part.dtype.names:
            return DeviceArray(part, self.stream)
        return part[()]

    def getitem(self, item, stream=0):
        """Return ``self[item]``."""
        return self[item]

    def __setitem__(self, index, value):
        part, source = self._part(index), memory(value)
        if source.ndim > part.ndim:
            raise ValueError(
                f"can't assign an array of {source.ndim} axes to "
                f"{part.ndim} of a device array"
            )
        part[...] = source

    def setitem(self, key, value, stream=0):
        """Do ``self[key] = value``."""
        self[key] = value

    def copy_to_host(self, ary=None, stream=0):
        """Return a copy in host memory, or fill ``ary`` and return it.

        Raises
        ------
        TypeError, ValueError
            If ``ary`` has another dtype, shape or order in memory.
        """
        if any(step < 0 for step in self.strides):
            raise NotImplementedError(
                "a slice with a negative step can't be copied to the host: "
                "copy first, then reverse"
            )
        if ary is None:
            return self.array.copy(order="K")
        check_match(self.array, ary)
        ary.squeeze()[...] = self.array.squeeze()
        return ary

    def copy_to_device(self, ary, stream=0):
        """Fill this array from one of the same shape and dtype.

        Raises
        ------
        TypeError, ValueError
            If they don't match, or the memory isn't contiguous.
        """
        source = memory(ary)
        if source.size == 0:
            return
        check_contiguous(self.array)
        if isinstance(ary, DeviceArray):
            check_contiguous(source)
            check_match(self.array, source)
        else:  # a host array is first copied into this order
            check_match(self.array, source, strides=False)
        self.array.squeeze()[...] = source.squeeze()

    def transpose(self, axes=None):
        """Return a transposed copy of a 2-D array, as a GPU does."""
        given = tuple(axes) if axes else None
        if given == tuple(range(self.ndim)):
            return self
        if self.ndim != 2:
            raise NotImplementedError(
                "transposing a non-2D DeviceNDArray isn't supported"
            )
        if given not in (None, (1, 0)):
            raise ValueError(f"invalid axes list {axes!r}")
        return DeviceArray(self.array.T.copy(), self.stream)

    def reshape(self, *newshape, order="C"):
        """Return the same memory with another shape."""
        new = self.array.reshape(*newshape, order=order)
        copied = self.size and not np.may_share_memory(new, self.array)
        if copied or not any(self.flags.values()):
            raise NotImplementedError(
                f"reshape from {self.shape} to {new.shape} requires copying: "
                "the memory isn't contiguous in that order"
            )
        return DeviceArray(new, self.stream)

    def ravel(self, order="C", stream=0):
        """Return the same memory in one axis."""
        return self.reshape(-1, order=order)

    def squeeze(self, axis=None, stream=0):
        """Return the same memory without axes of length 1."""
        return DeviceArray(self.array.squeeze(axis), self.stream)

    def view(self, dtype):
        """Return the same memory with another dtype."""
        return DeviceArray(self.array.view(dtype), self.stream)

    def split(self, section, stream=0):
        """Yield parts of ``section`` elements; the last may be shorter."""
        if self.ndim != 1 or self.strides[0] != self.dtype.itemsize:
            raise ValueError(
                "split needs one contiguous axis, got the shape "
                f"{self.shape} and strides {self.strides}"
            )
        for start in range(0, self.size, section):
            yield self[start : start + section]


def _without_arithmetic(name, symbol):
    def refuse(self, *others):
        # With a NumPy array, NumPy makes a copy on the host, as on a GPU.
        if any(isinstance(other, np.ndarray | np.generic) for other in others):
            return NotImplemented
        raise TypeError(
            f"{symbol} doesn't work on a device array. Write a kernel, or "
            "compute on the host: copy_to_host()"
        )

    setattr(DeviceArray, name, refuse)


for _name, _symbol in {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "matmul": "@",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
}.items():
    _without_arithmetic(f"__{_name}__", _symbol)
    _without_arithmetic(f"__r{_name}__", _symbol)
for _name, _symbol in {
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "neg": "-",
    "abs": "abs",
    "invert": "~",
}.items():
    _without_arithmetic(f"__{_name}__", _symbol)


def is_whole(value):
    return hasattr(value, "__index__") and not isinstance(
        value, bool | np.bool_ | np.ndarray
    )


def memory(value):
    """Return an array, a list or a number as a NumPy array."""
    if isinstance(value, DeviceArray):
        return value.array
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise TypeError(
            "device memory holds numbers and records, got "
            f"{type(value).__name__} of dtype {array.dtype}"
        )
    return array


def check_contiguous(array):
    axes = tuple(slice(None) if step else 0 for step in array.strides)
    flags = array[axes].flags if array.size else array.flags
    if not flags.c_contiguous and not flags.f_contiguous:
        raise ValueError(
            "Array contains non-contiguous buffer and cannot be transferred "
            "as a single memory region. Please ensure contiguous buffer with "
            "numpy .ascontiguousarray()"
        )


def check_match(one, other, strides=True):
    """Raise unless bytes can be copied from one array to the other."""
    if one.dtype != other.dtype:
        raise TypeError(f"incompatible dtype: {one.dtype} vs. {other.dtype}")
    first, second = one.squeeze(), other.squeeze()
    if first.shape != second.shape:
        raise ValueError(f"incompatible shape: {one.shape} vs. {other.shape}")
    if strides and one.size and first.strides != second.strides:
        raise ValueError(
            f"incompatible strides: {one.strides} vs. {other.strides}"
        )


def region(data):
    """Return the bounds of the memory that an array owns or views."""
    owner = data
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if isinstance(owner.base, bytearray):
        owner = np.frombuffer(owner.base, np.uint8)
    return np.lib.array_utils.byte_bounds(owner)
