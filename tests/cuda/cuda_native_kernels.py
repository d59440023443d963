"""Kernels whose source test_cuda_native.py runs with two imports.

The test replaces the import below by that of ``numba.cuda`` and changes
nothing else.
"""

import math

import numpy as np
from numba import float32, int32, types

from gpu_course import cuda

WIDTH = 16
TABLE = np.arange(8, dtype=np.float32)


@cuda.jit(device=True)
def square(x):
    return x * x


@cuda.jit(device=True)
def fourth(x):
    return square(square(x))


@cuda.jit
def matmul(a, b, c):
    tile_a = cuda.shared.array((WIDTH, WIDTH), float32)
    tile_b = cuda.shared.array((WIDTH, WIDTH), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], WIDTH):
        tile_a[ty, tx] = a[row, start + tx]
        tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(WIDTH):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    c[row, column] = fourth(total)


@cuda.jit
def warps(x, out):
    i = cuda.grid(1)
    value = x[i]
    for offset in (16, 8, 4, 2, 1):
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
    if cuda.laneid == 0 and cuda.any_sync(0xFFFFFFFF, value > 0):
        cuda.atomic.add(out, 0, value)
        cuda.atomic.max(out, 1, value)
    out[2] = cuda.popc(cuda.ballot_sync(cuda.activemask(), True))


@cuda.jit
def whole_grid(x):
    table = cuda.const.array_like(TABLE)
    own = cuda.local.array(8, int32)
    i = cuda.grid(1)
    for k in range(8):
        own[k] = table[(i + k) % 8] * x[i]
    cuda.cg.this_grid().sync()
    x[i] = own[i % 8] + math.exp(x[(i + 1) % x.size])
    cuda.threadfence()


@cuda.jit
def half(x, y):
    i = cuda.grid(1)
    y[i] = x[i] * x[i] + types.float16(1)


@cuda.jit
def draw(states, out):
    i = cuda.grid(1)
    uniform = cuda.random.xoroshiro128p_uniform_float32(states, i)
    out[i] = uniform + cuda.random.xoroshiro128p_normal_float64(states, i)


def scaled_by(factor, offset=TABLE):
    step = np.float32(2)

    @cuda.jit(fastmath=True)
    def scale(x):
        i = cuda.grid(1)
        x[i] = x[i] / factor + square(step) + offset[3]

    return scale


scaled = scaled_by(3)
