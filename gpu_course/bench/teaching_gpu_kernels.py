"""The benchmarked kernels, written as for a GPU.

Consecutive threads touch consecutive elements, data that a block uses more
than once goes through shared memory, and constants are float32. Apart from its
import this file is ``numba.cuda`` code: Numba's simulator runs it as such.
"""

from numba import float32, int32

from gpu_course import cuda

TILE = 16  # rows and columns of a tile of a matrix
THREADS = 256  # of a block that reduces or counts
BINS = 64  # of a histogram
SIDE, FILTER, OUT = 28, 5, 24  # of an image, a filter and the result
FULL = 0xFFFFFFFF  # all the lanes of a warp


@cuda.jit("void(float32, float32[::1], float32[::1])")
def axpy(a, x, y):
    """Add ``a * x`` to ``y``, a thread for each element."""
    i = cuda.grid(1)
    if i < x.size:
        y[i] += a * x[i]


@cuda.jit("void(float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def tiled_matmul(a, b, c):
    """Write the product of two matrices, tile by tile.

    The sides are multiples of `TILE`.
    """
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        tile_a[ty, tx] = a[row, start + tx]
        tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    c[row, column] = total


@cuda.jit("void(float32[::1], float32[::1])")
def block_reduction(x, sums):
    """Write the sum of each block's elements: a tree in shared memory."""
    tile = cuda.shared.array(THREADS, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    tile[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    step = THREADS // 2
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = tile[0]


@cuda.jit("void(float32[::1], float32[::1])")
def warp_reduction(x, sums):
    """Write the sum of each block's elements: shuffles, then one warp."""
    parts = cuda.shared.array(32, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    value = x[i] if i < x.size else float32(0)
    step = 16
    while step > 0:
        value += cuda.shfl_down_sync(FULL, value, step)
        step //= 2
    if t % 32 == 0:
        parts[t // 32] = value
    cuda.syncthreads()
    if t < 32:
        value = parts[t] if t < THREADS // 32 else float32(0)
        step = 4
        while step > 0:
            value += cuda.shfl_down_sync(FULL, value, step)
            step //= 2
        if t == 0:
            sums[cuda.blockIdx.x] = value


@cuda.jit("void(float32[:, :, ::1], float32[:, ::1], float32[:, :, ::1])")
def convolution(images, weights, out):
    """Convolve each image with one filter, a block for each image.

    Shapes: images (N, 28, 28), weights (5, 5), out (N, 24, 24).
    """
    image = cuda.shared.array((SIDE, SIDE), float32)
    number = cuda.blockIdx.x
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    for row in range(y, SIDE, OUT):
        for column in range(x, SIDE, OUT):
            image[row, column] = images[number, row, column]
    cuda.syncthreads()
    total = float32(0)
    for i in range(FILTER):
        for j in range(FILTER):
            total += image[y + i, x + j] * weights[i, j]
    out[number, y, x] = total


@cuda.jit(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, :, :, ::1])"
)
def convolution_channels(images, weights, out):
    """Convolve each image with several filters, a block for each result.

    Shapes: images (N, 28, 28), weights (C, 5, 5), out (N, C, 24, 24).
    """
    image = cuda.shared.array((SIDE, SIDE), float32)
    channel, number = cuda.blockIdx.x, cuda.blockIdx.y
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    for row in range(y, SIDE, OUT):
        for column in range(x, SIDE, OUT):
            image[row, column] = images[number, row, column]
    cuda.syncthreads()
    total = float32(0)
    for i in range(FILTER):
        for j in range(FILTER):
            total += image[y + i, x + j] * weights[channel, i, j]
    out[number, channel, y, x] = total


@cuda.jit("void(uint8[::1], int32[::1])")
def histogram_global(values, counts):
    """Count values from 0 to 63 with atomics on global memory."""
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(counts, values[i], 1)


@cuda.jit("void(uint8[::1], int32[::1])")
def histogram_shared(values, counts):
    """Count values from 0 to 63 in shared memory, then add the counts."""
    mine = cuda.shared.array(BINS, int32)
    t = cuda.threadIdx.x
    if t < BINS:
        mine[t] = 0
    cuda.syncthreads()
    i = cuda.grid(1)
    if i < values.size:
        cuda.atomic.add(mine, values[i], 1)
    cuda.syncthreads()
    if t < BINS:
        cuda.atomic.add(counts, t, mine[t])
