"""Accesses that would crash a process; `test_cuda_crash` starts it.

For each kernel, way and index it prints as JSON: the exception of the launch,
and whether a byte next to the arrays was changed.
"""

import json
import math
import os
import sys

import numpy as np
from numba import float64, int32, int64

from gpu_course import cuda

CONSTANT = np.arange(8.0)
NAN, LARGE, WIDE = math.nan, 1e300, 64
FAR = [8, 9, 4096, 2**31, 2**40, 2**62, 2**63 - 1]
OUTSIDE = [*FAR, *(-n - 1 for n in FAR)]
INSIDE = [0, 7, -1, -8]


@cuda.jit(device=True)
def read(array, k):
    return array[k]


@cuda.jit(device=True)
def write(array, k):
    array[k] = 1


@cuda.jit(device=True)
def deeper(array, k):
    write(array[2:], k + 3)
    return read(array[::-1], k)


@cuda.jit
def elements(where, x, out):
    way, i = where[0], where[1]
    if way == 0:
        out[0] = x[i]
    elif way == 1:
        x[i] = 1
    elif way == 2:
        x[i] += 1
    elif way == 3:
        cuda.atomic.add(x, i, 1)
    elif way == 4:
        cuda.atomic.max(x, i, 1)
    elif way == 5:
        out[0] = CONSTANT[i]
    elif way == 6:
        fixed = cuda.const.array_like(CONSTANT)
        out[0] = fixed[i]
    elif way == 7:
        out[0] = read(x, i)
    elif way == 8:
        write(x, i)
    elif way == 9:
        x[(i,)] = 1
    elif way == 10:
        k = int32(i)
        out[0] = x[k if k == i else 8]
    elif way == 11:
        for k in range(i, i + 1):
            x[k] = 1
        if i > 1 << 62:
            x[i] = 1
    elif way == 12:
        out[0] = x[::-1][i]
    elif way == 13:
        while x[i] > 1e300:
            i += 1


@cuda.jit
def planes(where, m, out):
    """The axis that is indexed has 8 elements, the other 3 or 5."""
    way, i = where[0], where[1]
    if way == 0:
        out[0] = m[2, i]
    elif way == 1:
        m[2, i] = 1
    elif way == 2:
        m[1, i] += 1
    elif way == 3:
        out[0] = m.T[i, 1]
    elif way == 4:
        out[0] = m[2][i]
    elif way == 5:
        out[0] = m[1:3, :][1, i]
    elif way == 6:
        out[0] = m[1, ::-1][i]
    elif way == 7:
        cuda.atomic.add(m, (1, i), 1)
    elif way == 8:
        m[(0, i)] = 1
    elif way == 9:
        out[0] = m.reshape(3, 2, 4)[1, 1, i // 2]
    elif way == 10:
        pair = (2, i)
        out[0] = m[pair]


@cuda.jit
def scratch(where, out):
    way, i = where[0], where[1]
    tile = cuda.shared.array(8, float64)
    plane = cuda.shared.array((2, 8), int32)
    own = cuda.local.array(8, int64)
    pair = cuda.local.array((8, 2), float64)
    nothing = cuda.shared.array(0, float64)
    t = cuda.threadIdx.x
    tile[t] = t
    cuda.syncthreads()
    if way == 0:
        out[0] = tile[i]
    elif way == 1:
        tile[i] = 1
    elif way == 2:
        plane[1, i] = 1
    elif way == 3:
        cuda.atomic.add(plane, (0, i), 1)
    elif way == 4:
        own[i] = 1
    elif way == 5:
        pair[i, 1] = 1
    elif way == 6:
        out[0] = own[i] + pair[0, 0]
    elif way == 7:
        nothing[i] = 1
    elif way == 8:
        out[0] = nothing[i]
    cuda.syncthreads()
    out[1] = tile[t]


RECORD = np.dtype([("a", "f8"), ("b", "i4", (8,)), ("c", "u1")])


@cuda.jit
def records(where, r, out):
    """There are 8 records, each with an array of 8 elements."""
    way, i = where[0], where[1]
    if way == 0:
        out[0] = r[i].a
    elif way == 1:
        r[i].c = 1
    elif way == 2:
        r[i]["a"] = 1
    elif way == 3:
        out[0] = r["a"][i]
    elif way == 4:
        out[0] = r[1].b[i]
    elif way == 5:
        r[1].b[i] = 1
    elif way == 6:
        one = r[i]
        one.a = 3


@cuda.jit
def arrays_in_tuples(where, pair, out):
    """The tuple has two arrays of 8 elements."""
    way, i = where[0], where[1]
    if way == 0:
        out[0] = pair[1][i]
    elif way == 1:
        pair[0][i] = 1
    elif way == 2:
        out[0] = pair[i][0]
    elif way == 3:
        out[0] = (10, 20)[i]
    elif way == 4:
        numbers = (1.5, 2.5, out[0])
        out[0] = numbers[i]


@cuda.jit
def numbers(where, real, u, x, out):
    """Use indices from arithmetic that is unusual for an index."""
    way, f, k = where[0], real[0], where[1]
    if way == 0:
        out[0] = x[int(f)]
    elif way == 1:
        x[int64(f)] = 1
    elif way == 2:
        out[0] = x[math.floor(f)]
    elif way == 3:
        out[0] = x[u[0]]
    elif way == 4:
        x[u[0] + 1] = 1
    elif way == 5:
        out[0] = x[k // 0 - 9]
    elif way == 6:
        out[0] = x[k % 0 + 8]
    elif way == 7:
        x[(k << 62) * 4 + 1000] = 1
    elif way == 8:
        x[k * k] = 1
    elif way == 9:
        x[-k] = 1
    elif way == 10:
        x[abs(k)] = 1


# Operations that LLVM leaves undefined, also in constants, which it folds


@cuda.jit
def guarded_nan(k, x):
    i = int(NAN)
    if i >= 0 and i < 8:
        x[i] = 1


@cuda.jit
def index_of_nan(k, x):
    x[0] = x[int(NAN)] + 1


@cuda.jit
def clamped_nan(k, x):
    x[max(min(int(NAN), 7), 0)] = 2


@cuda.jit
def loop_from_a_large_float(k, x):
    i = int64(LARGE)
    while i >= 0 and i < 8:
        x[i] += 3
        i += 1


@cuda.jit
def guarded_shift(k, x):
    i = k[0] << 64
    if i >= 0 and i < 8:
        x[i] = 4


@cuda.jit
def index_of_a_shift(k, x):
    x[(k[0] << WIDE) + 5] = 5


@cuda.jit
def masked_shift(k, x):
    x[(1 << WIDE) & 7] = 6
    x[(k[0] >> 100) % 8] = 7


@cuda.jit
def shift_by_a_number(k, x):
    x[(k[0] << k[1]) & 7] += 8
    x[(k[0] >> k[1] + 1) & 7] += 9
    x[(k[0] << -k[0]) % 8] += 10


@cuda.jit
def overflowing_quotient(k, x):
    x[0] = k[2] // -k[0]
    x[1] = k[2] % -k[0]
    x[abs(k[2] // -k[0]) % 8] = 1


@cuda.jit
def range_to_nan(k, x):
    for i in range(int(NAN), 3):
        if i >= 0:
            x[i] = 1
        if i < -5:
            break


UNDEFINED = (
    guarded_nan,
    index_of_nan,
    clamped_nan,
    loop_from_a_large_float,
    guarded_shift,
    index_of_a_shift,
    masked_shift,
    shift_by_a_number,
    overflowing_quotient,
    range_to_nan,
)


def all_undefined():
    for kernel in UNDEFINED:
        for choice in ("python", "compiled"):
            os.environ["GPU_COURSE_CUDA"] = choice
            k, x = np.array([1, 64, -(2**63)]), np.zeros(8)
            said, whole = launch(kernel, [k, x], 1)
            found = [kernel.__name__, choice, said and said[1], x.tolist()]
            print(json.dumps([*found, whole]), flush=True)


def beside(make):
    """Return an array between guard bytes, and the guard bytes."""
    inside = make()
    whole = np.full(inside.nbytes + 512, 0xA5, np.uint8)
    part = whole[256:-256].view(inside.dtype).reshape(inside.shape)
    part[...] = inside
    return part, (whole[:256], whole[-256:])


def launch(kernel, arguments, block=4):
    """Launch; return what was raised and which guard bytes changed."""
    given, edges = [], []
    for argument in arguments:
        if callable(argument):
            part, ends = beside(argument)
            given.append(part)
            edges += ends
        else:
            given.append(argument)
    said = None
    try:
        kernel[1, block](*given)
    except Exception as error:
        kinds = [c.__name__ for c in type(error).__mro__]
        said = [kinds, str(error)]
    return said, all((edge == 0xA5).all() for edge in edges)


def report(kernel, way, what, expected, arguments):
    said, whole = launch(kernel, arguments)
    name = kernel.__name__
    print(
        json.dumps([name, way, str(what), expected, said, whole]), flush=True
    )


def zeros(*shape):
    return lambda: np.zeros(shape)


def all_indices():
    cases = [
        (elements, range(14), [zeros(8), zeros(1)]),
        (planes, range(11), [zeros(3, 8), zeros(1)]),
        (scratch, range(9), [zeros(4)]),
        (records, range(7), [lambda: np.zeros(8, RECORD), zeros(1)]),
        (arrays_in_tuples, range(2), [(np.zeros(8), np.zeros(8)), zeros(1)]),
    ]
    for kernel, ways, arguments in cases:
        for way in ways:
            for i in OUTSIDE:
                where = np.array([way, i])
                expected = "bounds"
                if kernel is elements and way == 10 and i not in (8, 9, 4096):
                    continue  # int32 can't hold it
                if kernel is planes and way == 9:
                    where[1] *= 1 if abs(i) > 2**61 else 2
                report(kernel, way, i, expected, [where, *arguments])
            for i in INSIDE:
                where = np.array([way, i])
                empty = kernel is scratch and way in (7, 8)
                if (kernel is planes and way == 9) or way == 11:
                    continue
                expected = "bounds" if empty else "none"
                report(kernel, way, i, expected, [where, *arguments])
    pair = (np.zeros(8), np.zeros(8))
    for way, size in ((2, 2), (3, 2), (4, 3)):
        for i in (*OUTSIDE[1:], size, -size - 1):
            where = np.array([way, i])
            report(arrays_in_tuples, way, i, "any", [where, pair, zeros(1)])


def all_numbers():
    def given(way, f=0.0, u=0, k=0):
        return [
            np.array([way, k]),
            np.array([f]),
            np.array([u], np.uint64),
            zeros(8),
            zeros(1),
        ]

    for way in (0, 1, 2):
        for f in (math.nan, math.inf, -math.inf, 1e300, -1e19, 8.0, -9.0):
            report(numbers, way, f, "bounds", given(way, f))
        report(numbers, way, 7.9, "none", given(way, 7.9))
    for u in (8, 2**63, 2**64 - 1, 2**64 - 8):
        report(numbers, 3, u, "bounds", given(3, u=u))
        # As signed numbers these wrap: one more than 2**64 - 1 is 0.
        expected = "none" if u > 2**63 else "bounds"
        report(numbers, 4, u, expected, given(4, u=u))
    for way in (5, 6):
        report(numbers, way, 5, "bounds", given(way, k=5))
    for way, k in (
        (7, 1),
        (8, 2**31),
        (8, 3),
        (8, 2**32 + 3),
        (9, 9),
        (9, -8),
        (9, -(2**63)),
        (10, -8),
        (10, -(2**63)),
        (10, 2**62),
    ):
        report(numbers, way, k, "bounds", given(way, k=k))


if __name__ == "__main__":
    {
        "indices": all_indices,
        "numbers": all_numbers,
        "undefined": all_undefined,
    }[sys.argv[1]]()
