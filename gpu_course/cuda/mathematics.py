"""Functions of `math` that numba.cuda has and Numba's CPU compiler lacks."""

import math

import numpy as np
from numba.core import types
from numba.extending import overload


@overload(math.fmod)
def _fmod(a, b):
    def fmod(a, b):
        return np.fmod(a, b)

    def fmod_of_integers(a, b):  # NumPy would return an integer
        return np.fmod(np.float64(a), np.float64(b))

    whole = isinstance(a, types.Integer) and isinstance(b, types.Integer)
    return fmod_of_integers if whole else fmod


@overload(math.modf)
def _modf(x):
    def modf(x):
        if np.isinf(x):
            return np.copysign(1 / x, x), x
        whole = np.trunc(x)
        return x - whole, whole

    return modf
