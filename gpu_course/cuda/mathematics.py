"""Functions of `math` that numba.cuda has and Numba's CPU compiler lacks."""

import math

import numpy as np
from numba.extending import overload


@overload(math.fmod)
def _fmod(a, b):
    def fmod(a, b):
        return np.fmod(a, b)

    return fmod


@overload(math.modf)
def _modf(x):
    def modf(x):
        if np.isinf(x):
            return np.copysign(1 / x, x), x
        whole = np.trunc(x)
        return x - whole, whole

    return modf
