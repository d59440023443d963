"""``cuda.reduce``: a reduction made from a function of two values."""

import functools

import numpy as np

from gpu_course.cuda import backend
from gpu_course.cuda.arrays import memory
from gpu_course.cuda.kernel import jit


class Reduce:
    """A reduction: ``sum_of = cuda.reduce(lambda a, b: a + b)``.

    For simplicity, one thread reduces the array in order. A GPU reduces in
    parallel, so the last digits of a sum of floats differ there.

    Parameters
    ----------
    functor : callable
        An associative function of two values; runs on the device.
    """

    def __init__(self, functor):
        self.functor = functor
        operation = jit(functor, device=True)

        @jit
        def fold(values, out):
            total = out[0]
            for i in range(values.size):
                total = operation(total, values[i])
            out[0] = total

        self.fold = fold

    @functools.cached_property
    def _native(self):
        return backend.gpu().Reduce(self.functor)

    def __call__(self, arr, size=None, res=None, init=0, stream=0):
        """Reduce an array.

        Parameters
        ----------
        arr : array, 1-D
        size : int, optional
            How many elements from the start; default: all.
        res : DeviceArray, optional
            The result goes into its first element, and None is returned.
        init : number
            The value that the reduction starts from.
        """
        if backend.gpu():
            return self._native(arr, size, res, init, stream)
        values = memory(arr)
        if values.ndim != 1:
            raise TypeError(f"reduce takes 1-D arrays, got {values.ndim}-D")
        out = np.array([init], values.dtype)
        self.fold[1, 1](values[:size], out)
        if res is None:
            return out[0]
        res[:1] = out
        return None
