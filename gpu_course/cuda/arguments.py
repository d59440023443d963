"""The arguments of a launch: their values on the host, and their copies."""

import ctypes
import enum
import itertools

import numpy as np
from numba.core import types

from gpu_course.cuda.allocation import Hint
from gpu_course.cuda.arithmetic import like
from gpu_course.cuda.arrays import DeviceArray, region


def arrays_in(values):
    """Return the arrays among the arguments, including those in tuples."""
    found = []
    for value in values:
        if isinstance(value, tuple):
            found += arrays_in(value)
        elif isinstance(value, np.ndarray):
            found.append(value)
    return found


def copies(arguments, hosts):
    """Copy the arrays, so that a trace leaves the originals unchanged.

    Views of one device array stay views of one copy. Each host array is
    copied separately, because Numba gives each such argument its own memory.
    """
    made = {}

    def copied(given, value):
        if isinstance(value, tuple):
            pairs = zip(given, value, strict=True)
            return like(value, [copied(g, v) for g, v in pairs])
        if not isinstance(value, np.ndarray):
            return value
        if not isinstance(given, DeviceArray) or not value.size:
            return value.copy(order="K")
        low, high = region(value)
        if low not in made:
            memory = (ctypes.c_char * (high - low)).from_address(low)
            made[low] = bytearray(memory)
        start = value.__array_interface__["data"][0] - low
        return np.ndarray(
            value.shape, value.dtype, made[low], start, value.strides
        )

    pairs = zip(arguments, hosts, strict=True)
    return [copied(given, value) for given, value in pairs]


def apart(arguments, hosts):
    """Copy host arrays if any overlap; return the values and (old, new) pairs.

    On a GPU each host array is copied to the device and back, so they don't
    overlap there.
    """
    arrays = [a for a in arrays_in(hosts) if a.size]
    bounds = [np.lib.array_utils.byte_bounds(a) for a in arrays]
    bounds.sort()
    meet = any(b[0] < a[1] for a, b in itertools.pairwise(bounds))
    if not meet:
        return hosts, []
    new = [
        value.copy(order="K")
        if isinstance(value, np.ndarray) and not isinstance(given, DeviceArray)
        else value
        for given, value in zip(arguments, hosts, strict=True)
    ]
    pairs = zip(hosts, new, strict=True)
    return new, [(a, b) for a, b in pairs if a is not b]


def converted(value, kind):
    """Return a number in the type that a signature asks for."""
    if isinstance(kind, types.Number | types.Boolean):
        return np.array(value).astype(str(kind))[()]
    return value


def host_value(value):
    """Return a kernel's argument as a NumPy array, a number or a tuple.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(value, DeviceArray):
        return value.array
    if isinstance(value, enum.IntEnum):
        return int(value)
    if isinstance(value, np.void):
        raise TypeError(
            "a kernel takes no single record: pass the array it is part of, "
            "and its index"
        )
    if isinstance(value, np.ndarray | np.generic | int | float | complex):
        return value
    if isinstance(value, tuple):
        return like(value, [host_value(item) for item in value])
    if value is None:
        return value
    if isinstance(value, Hint):
        return host_value(value.memory())
    if hasattr(value, "__cuda_array_interface__"):  # on a GPU
        from gpu_course.cuda.allocation import as_cuda_array

        return as_cuda_array(value).copy_to_host()
    if hasattr(value, "__array__"):
        return np.asarray(value)
    raise TypeError(
        "a kernel takes arrays and numbers, got "
        f"{type(value).__name__}. Pass its numbers as an array."
    )
