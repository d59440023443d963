"""Numba's arithmetic on Python numbers, called by the generated code.

Integers are Python ints wrapped to their width, float64 is Python's float,
float32 and float16 are NumPy scalars. Division by zero gives NumPy's result,
as on a GPU, and raises no exception.
"""

import contextlib
import functools
import math

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numba.cpython import numbers


def wrapper(bits, signed):
    """Return the function that wraps a number to an integer type."""
    mask, half = (1 << bits) - 1, 1 << (bits - 1)
    low, high = (-half, half - 1) if signed else (0, mask)

    def wrap(value):
        if not isinstance(value, int):
            most = mask if bits == 64 and not signed else 2**63 - 1
            if -(2.0**63) <= value <= most:  # never true of NaN
                value = int(value)
            else:
                value = 0 if most == mask else -(2**63)
        if low <= value <= high:
            return int(value)  # a bool becomes a number
        value &= mask
        return value - mask - 1 if signed and value >= half else value

    return wrap


def python_number(value):
    """Return a NumPy scalar as a Python number, unless Python's is wider."""
    if isinstance(value, np.generic) and value.dtype.char not in "fFe":
        return value.item()
    return value


def like(value, items):
    """Return items as a tuple, of the value's type if it is a named one."""
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def divide(a, b):
    if b == 0 and not isinstance(a, np.generic):
        with np.errstate(all="ignore"):
            return float(np.float64(a) / np.float64(b))
    return a / b


def floor_divide(a, b):
    if b == 0:
        return 0 if isinstance(b, int) else divide(a, b)
    return a // b


def remainder(a, b):
    if b == 0:
        return 0 if isinstance(b, int) else b * math.nan
    return a % b


def shift_left(a, b):
    return a << (b & 63)


def shift_right(a, b):
    return a >> (b & 63)


def popc(value, bits):
    return (value & ((1 << bits) - 1)).bit_count()


def clz(value, bits):
    return bits - (value & ((1 << bits) - 1)).bit_length()


def ffs(value, bits):
    value &= (1 << bits) - 1
    return (value & -value).bit_length()


def brev(value, bits):
    return int(f"{value & ((1 << bits) - 1):0{bits}b}"[::-1], 2)


def cbrt(value):
    return math.cbrt(value)


def sqrt(value):
    return math.nan if value < 0 else math.sqrt(value)


def floor(value):
    return TO_INT64(math.floor(value) if math.isfinite(value) else value)


def ceil(value):
    return TO_INT64(math.ceil(value) if math.isfinite(value) else value)


def trunc(value):
    return TO_INT64(value)


TO_INT64 = wrapper(64, signed=True)


def fma(a, b, c):
    """Return a*b + c rounded once, computed exactly with fractions."""
    from fractions import Fraction

    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if isinstance(a, np.float32):
        return np.float32(float(exact))
    return float(exact)


def to_float32(value):
    return np.float32(value)


def each(convert, values):
    """Convert the items of a tuple, each with its own function."""
    return tuple(c(v) for c, v in zip(convert, values, strict=True))


def unreachable():
    raise RuntimeError(
        "this was taken for dead code and is not: a fault of gpu_course"
    )


@contextlib.contextmanager
def wrapping():
    """Make Numba compile integers that wrap around, as GPU hardware does.

    By default Numba marks + - * of signed integers so that LLVM assumes that
    they never overflow. LLVM then drops the guards and loops that would
    notice an overflow. The change affects the whole process, so Numba's own
    lock is held meanwhile, and other threads wait to compile.
    """
    with global_compiler_lock:
        before = numbers._int_arith_flags
        numbers._int_arith_flags = lambda kind: []
        try:
            yield
        finally:
            numbers._int_arith_flags = before


def operation(text, kinds):
    """Return a Numba-compiled function for an expression of ``a0``, ``a1``, ….

    The plain and traced runs call the same code as the compiled run, so that
    ``math.exp`` of a float32 is the same to the last bit.
    """
    return _compile(text, tuple(kinds), None)


def scalar(function, kinds):
    """Return a function of numbers, compiled by Numba."""
    names = ", ".join(f"a{i}" for i in range(len(kinds)))
    return _compile(f"function({names})", tuple(kinds), function)


@functools.cache
def _compile(text, kinds, function):
    names = ", ".join(f"a{i}" for i in range(len(kinds)))
    space = {"function": function}
    exec(f"def call({names}): return {text}", space)
    made = numba.njit(error_model="numpy")(space["call"])
    with wrapping():
        made.compile(kinds)
    return made.overloads[kinds].entry_point  # no dispatch on argument types


NAMES = {
    f"_{function.__name__}": function
    for function in (
        unreachable,
        each,
        divide,
        floor_divide,
        remainder,
        shift_left,
        shift_right,
        popc,
        clz,
        ffs,
        brev,
        cbrt,
        fma,
    )
}
NAMES |= {
    f"_to_{kind}{bits}": wrapper(bits, kind == "int")
    for kind in ("int", "uint")
    for bits in (8, 16, 32, 64)
}
NAMES |= {
    "_to_float64": float,
    "_to_float32": to_float32,
    "_to_float16": np.float16,
    "_to_complex64": np.complex64,
    "_to_complex128": complex,
}
