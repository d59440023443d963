"""Kernels without a bug, their launches, and their right results.

The oracle takes the arguments from before the launch. It returns the right
values of the last ones after the launch.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import complex64, float32, float64, int8, int16, int32, int64, uint8

from gpu_course import cuda

FULL = 0xFFFFFFFF
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Correct:
    """A kernel, its launch, its arguments and its oracle."""

    kernel: object
    configuration: tuple
    arguments: tuple
    oracle: object


CORRECT = {}


def correct(grid, block, *arguments, gives, dynamic=0):
    """Add the kernel below to the suite."""

    def register(kernel):
        configuration = (grid, block, 0, dynamic)
        CORRECT[kernel.__name__] = Correct(
            kernel, configuration, arguments, gives
        )
        return kernel

    return register


def ints(*shape, low=0, high=100, dtype=np.int32):
    return RNG.integers(low, high, shape).astype(dtype)


def floats(*shape, dtype=np.float32):
    return RNG.random(shape).astype(dtype)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


# One thread per element


@correct(
    4,
    64,
    np.float32(2),
    floats(250),
    floats(250),
    gives=lambda a, x, y: a * x + y,
)
@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i] + y[i]


@correct(2, 32, floats(300), zeros(300), gives=lambda x, y: x * x)
@cuda.jit
def grid_stride(x, y):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i] = x[i] * x[i]


@correct(
    (3, 2),
    (8, 8),
    floats(13, 20),
    floats(13, 20),
    zeros(13, 20),
    gives=lambda a, b, c: a + b,
)
@cuda.jit
def add_matrices(a, b, c):
    column, row = cuda.grid(2)
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = a[row, column] + b[row, column]


@correct(
    (2, 2, 2),
    (4, 2, 3),
    ints(6, 4, 7),
    zeros(6, 4, 7),
    gives=lambda a, b: a * 3 - 1,
)
@cuda.jit
def three_dimensions(a, b):
    x, y, z = cuda.grid(3)
    if z < a.shape[0] and y < a.shape[1] and x < a.shape[2]:
        b[z, y, x] = a[z, y, x] * 3 - 1


@correct((2, 2), (8, 8), floats(16, 12), zeros(12, 16), gives=lambda a, b: a.T)
@cuda.jit
def grid_stride_in_two_dimensions(a, b):
    column, row = cuda.grid(2)
    columns, rows = cuda.gridsize(2)
    for i in range(row, a.shape[0], rows):
        for j in range(column, a.shape[1], columns):
            b[j, i] = a[i, j]


def stencil_oracle(x, y):
    inner = (x[:-2] + np.float32(2) * x[1:-1] + x[2:]) / np.float32(4)
    return np.concatenate([x[:1], inner, x[-1:]])


@correct(3, 32, floats(90), zeros(90), gives=stencil_oracle)
@cuda.jit
def stencil(x, y):
    i = cuda.grid(1)
    if i >= x.size:
        return
    if i == 0 or i == x.size - 1:
        y[i] = x[i]
    else:
        y[i] = (x[i - 1] + float32(2) * x[i] + x[i + 1]) / float32(4)


def life_oracle(board, after):
    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    near = sum(np.roll(board, s, (0, 1)) for s in shifts)
    return (near == 3) | ((near == 2) & (board == 1))


@correct(
    (2, 2),
    (8, 8),
    ints(16, 16, high=2, dtype=np.uint8),
    zeros(16, 16, dtype=np.uint8),
    gives=life_oracle,
)
@cuda.jit
def game_of_life(board, after):
    column, row = cuda.grid(2)
    rows, columns = board.shape
    near = 0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if dy != 0 or dx != 0:
                near += board[(row + dy) % rows, (column + dx) % columns]
    alive = near == 3 or (near == 2 and board[row, column] == 1)
    after[row, column] = 1 if alive else 0


@cuda.jit(device=True)
def escape(x, y, limit):
    a = b = 0.0
    for k in range(limit):
        if a * a + b * b > 4.0:
            return k
        a, b = a * a - b * b + x, 2.0 * a * b + y
    return limit


def mandelbrot_oracle(limit, image):
    for row, column in np.ndindex(image.shape):
        c = complex(-2 + column * 0.25, -1 + row * 0.25)
        z, count = 0j, 0
        while count < limit and z.real**2 + z.imag**2 <= 4:
            z = complex(
                z.real * z.real - z.imag * z.imag + c.real,
                2 * z.real * z.imag + c.imag,
            )
            count += 1
        image[row, column] = count
    return image


@correct(
    (2, 1), (8, 8), 20, zeros(8, 12, dtype=np.uint8), gives=mandelbrot_oracle
)
@cuda.jit
def mandelbrot(limit, image):
    column, row = cuda.grid(2)
    if row < image.shape[0] and column < image.shape[1]:
        x = -2.0 + column * 0.25
        y = -1.0 + row * 0.25
        image[row, column] = escape(x, y, limit)


def n_body_oracle(position, force):
    gap = position[None] - position[:, None]
    square = (gap**2).sum(-1) + 0.01
    return (gap / (square * np.sqrt(square))[..., None]).sum(1)


@correct(
    2,
    16,
    floats(32, 3, dtype=float),
    zeros(32, 3, dtype=float),
    gives=n_body_oracle,
)
@cuda.jit
def n_body(position, force):
    tile = cuda.shared.array((16, 3), float64)
    gap = cuda.local.array(3, float64)
    total = cuda.local.array(3, float64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    for axis in range(3):
        total[axis] = 0
    for start in range(0, position.shape[0], 16):
        for axis in range(3):
            tile[t, axis] = position[start + t, axis]
        cuda.syncthreads()
        for k in range(16):
            square = 0.01
            for axis in range(3):
                gap[axis] = tile[k, axis] - position[i, axis]
                square += gap[axis] ** 2
            weight = 1 / (square * math.sqrt(square))
            for axis in range(3):
                total[axis] += gap[axis] * weight
        cuda.syncthreads()
    for axis in range(3):
        force[i, axis] = total[axis]


@cuda.jit(device=True)
def next_random(state):
    return (state * 1664525 + 1013904223) & 0xFFFFFFFF


def monte_carlo_oracle(seeds, tries, hits):
    for thread, seed in enumerate(seeds.tolist()):
        state = seed
        for _ in range(tries):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            x = state / 2**32
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            hits[thread] += x * x + (state / 2**32) ** 2 < 1
    return hits


@correct(
    2,
    16,
    ints(32, dtype=np.int64),
    20,
    zeros(32, dtype=np.int64),
    gives=monte_carlo_oracle,
)
@cuda.jit
def monte_carlo(seeds, tries, hits):
    i = cuda.grid(1)
    state = seeds[i]
    count = 0
    for _ in range(tries):
        state = next_random(state)
        x = state / 4294967296
        state = next_random(state)
        y = state / 4294967296
        if x * x + y * y < 1:
            count += 1
    hits[i] = count


ROWS = np.array([0, 3, 3, 4, 7, 9], np.int32)
COLUMNS = np.array([0, 2, 4, 1, 0, 1, 3, 2, 4], np.int32)
VALUES = floats(9)


def csr_oracle(starts, columns, values, x, y):
    for row in range(len(y)):
        part = slice(starts[row], starts[row + 1])
        y[row] = values[part] @ x[columns[part]]
    return y


@correct(1, 32, ROWS, COLUMNS, VALUES, floats(5), zeros(5), gives=csr_oracle)
@cuda.jit
def sparse_matrix_times_vector(starts, columns, values, x, y):
    row = cuda.grid(1)
    if row < y.size:
        total = float32(0)
        for k in range(starts[row], starts[row + 1]):
            total += values[k] * x[columns[k]]
        y[row] = total


# Tiles in shared memory


@correct(
    (2, 2),
    (8, 8),
    floats(13, 20),
    floats(20, 11),
    zeros(13, 11),
    gives=lambda a, b, c: a @ b,
)
@cuda.jit
def tiled_matmul(a, b, c):
    tile_a = cuda.shared.array((8, 8), float32)
    tile_b = cuda.shared.array((8, 8), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], 8):
        tile_a[ty, tx] = 0
        tile_b[ty, tx] = 0
        if row < a.shape[0] and start + tx < a.shape[1]:
            tile_a[ty, tx] = a[row, start + tx]
        if start + ty < b.shape[0] and column < b.shape[1]:
            tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(8):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    if row < c.shape[0] and column < c.shape[1]:
        c[row, column] = total


@correct(
    (2, 3),
    (8, 8),
    ints(24, 16),
    zeros(16, 24, dtype=np.int32),
    gives=lambda a, b: a.T,
)
@cuda.jit
def transpose_with_padding(a, b):
    tile = cuda.shared.array((8, 9), int32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    x = cuda.blockIdx.x * 8
    y = cuda.blockIdx.y * 8
    tile[ty, tx] = a[y + ty, x + tx]
    cuda.syncthreads()
    b[x + ty, y + tx] = tile[tx, ty]


def convolution_oracle(image, kernel, out):
    radius = kernel.shape[0] // 2
    padded = np.pad(image, radius)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return (windows * kernel).sum((2, 3))


@correct(
    (2, 2),
    (8, 8),
    floats(14, 15),
    floats(3, 3),
    zeros(14, 15),
    gives=convolution_oracle,
)
@cuda.jit
def convolution_with_halo(image, kernel, out):
    tile = cuda.shared.array((10, 10), float32)
    column, row = cuda.grid(2)
    height, width = image.shape
    top = cuda.blockIdx.y * 8 - 1
    left = cuda.blockIdx.x * 8 - 1
    for y in range(cuda.threadIdx.y, 10, 8):
        for x in range(cuda.threadIdx.x, 10, 8):
            inside = 0 <= top + y < height and 0 <= left + x < width
            tile[y, x] = image[top + y, left + x] if inside else 0
    cuda.syncthreads()
    if row >= height or column >= width:
        return
    total = float32(0)
    for dy in range(3):
        for dx in range(3):
            value = tile[cuda.threadIdx.y + dy, cuda.threadIdx.x + dx]
            total += value * kernel[dy, dx]
    out[row, column] = total


@correct(
    1,
    64,
    floats(60),
    zeros(60),
    gives=lambda x, y: np.convolve(x, [1, 1, 1], "same"),
)
@cuda.jit
def early_return_before_a_barrier(x, y):
    tile = cuda.shared.array(64, float32)
    i = cuda.grid(1)
    if i >= x.size:
        return
    tile[i] = x[i]
    cuda.syncthreads()
    total = tile[i]
    if i > 0:
        total += tile[i - 1]
    if i < x.size - 1:
        total += tile[i + 1]
    y[i] = total


# Reductions


@correct(
    4,
    64,
    floats(200),
    zeros(4),
    gives=lambda x, out: np.add.reduceat(x, range(0, 200, 64)),
)
@cuda.jit
def block_sums(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    tile[t] = x[i] if i < x.size else 0
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[cuda.blockIdx.x] = tile[0]


@correct(
    2,
    64,
    ints(128),
    zeros(2, dtype=np.int64),
    gives=lambda x, out: x.reshape(2, 64).sum(1),
)
@cuda.jit
def interleaved_reduction(x, out):
    tile = cuda.shared.array(64, int64)
    t = cuda.threadIdx.x
    tile[t] = x[cuda.grid(1)]
    step = 1
    while step < 64:
        cuda.syncthreads()
        first = 2 * step * t
        if first < 64:
            tile[first] += tile[first + step]
        step *= 2
    if t == 0:
        out[cuda.blockIdx.x] = tile[0]


@correct(
    2, 64, ints(500), zeros(1, dtype=np.int32), gives=lambda x, out: [x.max()]
)
@cuda.jit
def maximum_with_one_atomic_a_block(x, out):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    best = 0
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        best = max(best, x[i])
    tile[t] = best
    cuda.syncthreads()
    for k in range(6):
        step = 32 >> k
        if t < step:
            tile[t] = max(tile[t], tile[t + step])
        cuda.syncthreads()
    if t == 0:
        cuda.atomic.max(out, 0, tile[0])


@correct(
    2, 64, ints(128), zeros(1, dtype=np.int32), gives=lambda x, out: [x.sum()]
)
@cuda.jit
def warp_shuffle_reduction(x, out):
    value = x[cuda.grid(1)]
    for k in range(5):
        value += cuda.shfl_down_sync(FULL, value, 16 >> k)
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, value)


@correct(1, 128, floats(128), zeros(1), gives=lambda x, out: [x.sum()])
@cuda.jit
def block_reduction_of_warps(x, out):
    partial = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    lane, warp = t % 32, t // 32
    value = x[t]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(FULL, value, offset)
        offset >>= 1
    if lane == 0:
        partial[warp] = value
    cuda.syncthreads()
    if warp == 0:
        value = partial[lane] if lane < 4 else float32(0)
        offset = 16
        while offset > 0:
            value += cuda.shfl_down_sync(FULL, value, offset)
            offset >>= 1
        if lane == 0:
            out[0] = value


@correct(
    2, 64, floats(128), zeros(4), gives=lambda x, out: x.reshape(4, 32).sum(1)
)
@cuda.jit
def warp_synchronous_reduction(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    lane = t % 32
    i = cuda.grid(1)
    tile[t] = x[i]
    cuda.syncwarp()
    step = 16
    while step > 0:
        if lane < step:
            tile[t] += tile[t + step]
        cuda.syncwarp()
        step //= 2
    if lane == 0:
        out[i // 32] = tile[t]


@correct(
    1,
    64,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: x.reshape(-1, 8)[:, ::-1].ravel(),
)
@cuda.jit
def groups_with_masks_of_their_own(x, out):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    lane = t % 32
    tile[t] = x[t]
    mask = 0xFF << (lane // 8 * 8)
    cuda.syncwarp(mask)
    out[t] = tile[t // 8 * 8 + 7 - t % 8]


@correct(
    1,
    64,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: x.reshape(-1, 4)[:, ::-1].ravel(),
)
@cuda.jit
def half_warps_sync_apart(x, out):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if t % 32 < 16:
        cuda.syncwarp(0x0000FFFF)
        out[t] = tile[t ^ 3]
    else:
        cuda.syncwarp(0xFFFF0000)
        out[t] = tile[t ^ 3]


def last_block_oracle(x, partial, arrived, out):
    return [4], [x.sum()]


@correct(
    4,
    32,
    ints(128),
    zeros(4, dtype=np.int32),
    zeros(1, dtype=np.int32),
    zeros(1, dtype=np.int32),
    gives=last_block_oracle,
)
@cuda.jit
def last_block_reduces(x, partial, arrived, out):
    tile = cuda.shared.array(32, int32)
    is_last = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    tile[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    step = 16
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        partial[cuda.blockIdx.x] = tile[0]
        cuda.threadfence()
        ticket = cuda.atomic.add(arrived, 0, 1)
        is_last[0] = ticket == cuda.gridDim.x - 1
    cuda.syncthreads()
    if is_last[0] and t == 0:
        total = 0
        for k in range(cuda.gridDim.x):
            total += partial[k]
        out[0] = total


def argmax_oracle(x, best):
    return [(int(x.max()) << 32) | (0xFFFFFFFF - int(x.argmax()))]


@correct(2, 32, ints(64), zeros(1, dtype=np.int64), gives=argmax_oracle)
@cuda.jit
def argmax_in_one_word(x, best):
    # Value above, index below: the first of the largest wins.
    i = cuda.grid(1)
    key = (int64(x[i]) << 32) | (0xFFFFFFFF - i)
    cuda.atomic.max(best, 0, key)


@correct(
    2,
    32,
    ints(64),
    np.array([2]),
    gives=lambda x, product: [2 * np.prod(x[:64:16])],
)
@cuda.jit
def product_by_exchange(x, product):
    # One value travels from thread to thread: exchange takes it away (0),
    # so nobody else can have it meanwhile.
    i = cuda.grid(1)
    if i % 16 == 0:
        done = False
        while not done:
            held = cuda.atomic.exch(product, 0, 0)
            if held != 0:
                cuda.atomic.exch(product, 0, held * x[i])
                done = True


@correct(
    2, 32, ints(64), zeros(1, dtype=np.int32), gives=lambda x, best: [x.max()]
)
@cuda.jit
def maximum_with_compare_and_swap(x, best):
    value = x[cuda.grid(1)]
    assumed = 0
    while assumed < value:
        old = cuda.atomic.cas(best, 0, assumed, value)
        if old == assumed:
            break
        assumed = old


@correct(
    4,
    1,
    zeros(1, dtype=np.int32),
    zeros(1, dtype=np.int32),
    gives=lambda lock, counter: [4],
)
@cuda.jit
def spin_lock(lock, counter):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    cuda.threadfence()
    counter[0] += 1
    cuda.threadfence()
    cuda.atomic.exch(lock, 0, 0)


@correct(
    2,
    32,
    zeros(1, dtype=np.int32),
    zeros(1, dtype=np.int32),
    gives=lambda lock, counter: [64],
)
@cuda.jit
def lock_for_each_thread_of_a_warp(lock, counter):
    # The loop that a warp needs: nobody spins while another holds the lock.
    waiting = True
    while waiting:
        if cuda.atomic.cas(lock, 0, 0, 1) == 0:
            cuda.threadfence()
            counter[0] += 1
            cuda.threadfence()
            cuda.atomic.exch(lock, 0, 0)
            waiting = False


# Scans


@correct(
    1,
    64,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: np.cumsum(x),
)
@cuda.jit
def double_buffered_scan(x, out):
    buffers = cuda.shared.array((2, 64), int32)
    t = cuda.threadIdx.x
    source = 0
    buffers[0, t] = x[t]
    cuda.syncthreads()
    offset = 1
    while offset < 64:
        value = buffers[source, t]
        if t >= offset:
            value += buffers[source, t - offset]
        buffers[1 - source, t] = value
        source = 1 - source
        cuda.syncthreads()
        offset *= 2
    out[t] = buffers[source, t]


@correct(
    1,
    32,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: np.cumsum(x) - x,
)
@cuda.jit
def blelloch_scan(x, out):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[2 * t] = x[2 * t]
    tile[2 * t + 1] = x[2 * t + 1]
    step = 1
    while step < 64:
        cuda.syncthreads()
        last = 2 * step * (t + 1) - 1
        if last < 64:
            tile[last] += tile[last - step]
        step *= 2
    cuda.syncthreads()
    if t == 0:
        tile[63] = 0
    while step > 1:
        step //= 2
        cuda.syncthreads()
        last = 2 * step * (t + 1) - 1
        if last < 64:
            left = tile[last - step]
            tile[last - step] = tile[last]
            tile[last] += left
    cuda.syncthreads()
    out[2 * t] = tile[2 * t]
    out[2 * t + 1] = tile[2 * t + 1]


@correct(
    2,
    32,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: x.reshape(2, 32).cumsum(1).ravel(),
)
@cuda.jit
def warp_scan_by_shuffles(x, out):
    i = cuda.grid(1)
    lane = cuda.laneid
    value = x[i]
    offset = 1
    while offset < 32:
        left = cuda.shfl_up_sync(FULL, value, offset)
        if lane >= offset:
            value += left
        offset *= 2
    out[i] = value


@correct(
    1,
    32,
    ints(32),
    zeros(32, dtype=np.int32),
    zeros(1, dtype=np.int32),
    gives=lambda x, out, n: (
        np.r_[x[x % 2 == 1], np.zeros((x % 2 == 0).sum())],
        [(x % 2 == 1).sum()],
    ),
)
@cuda.jit
def compact_by_ballot(x, out, count):
    lane = cuda.laneid
    keep = x[lane] % 2 == 1
    votes = cuda.ballot_sync(FULL, keep)
    place = cuda.popc(votes & ((1 << lane) - 1))
    if keep:
        out[place] = x[lane]
    if lane == 0:
        count[0] = cuda.popc(votes)


@correct(1, 32, floats(32), zeros(32), gives=lambda x, out: x * 0 + x.sum())
@cuda.jit
def butterfly(x, out):
    value = x[cuda.laneid]
    for k in range(5):
        value += cuda.shfl_xor_sync(FULL, value, 1 << k)
    out[cuda.laneid] = value


def votes_oracle(x, out):
    for warp in range(3):
        lanes = slice(32 * warp, 32 * warp + 32)
        part = x[lanes]
        out[lanes, 0] = (part > 0).any()
        out[lanes, 1] = (part > 0).all()
        out[lanes, 2] = len(set(part > 0)) == 1
        out[lanes, 3] = ((part[:, None] == part) << np.arange(32)).sum(1)
        out[lanes, 4] = (1 << 32) - 1
    return out


OPINIONS = np.repeat([3, 0, 5, 3, 5, 3], [32, 8, 8, 16, 4, 28])


@correct(
    1,
    96,
    OPINIONS.astype(np.int32),
    zeros(96, 5, dtype=np.int64),
    gives=votes_oracle,
)
@cuda.jit
def votes(x, out):
    t = cuda.threadIdx.x
    out[t, 0] = cuda.any_sync(FULL, x[t] > 0)
    out[t, 1] = cuda.all_sync(FULL, x[t] > 0)
    out[t, 2] = cuda.eq_sync(FULL, x[t])
    out[t, 3] = int64(cuda.match_any_sync(FULL, x[t])) & 0xFFFFFFFF
    out[t, 4] = int64(cuda.activemask()) & 0xFFFFFFFF


@correct(
    1,
    64,
    ints(64),
    zeros(3, dtype=np.int32),
    gives=lambda x, out: [
        (x > 50).sum(),
        (x > 5).all(),
        (x > 95).any(),
    ],
)
@cuda.jit
def barriers_that_count(x, out):
    t = cuda.threadIdx.x
    count = cuda.syncthreads_count(int(x[t] > 50))
    every = cuda.syncthreads_and(int(x[t] > 5))
    some = cuda.syncthreads_or(int(x[t] > 95))
    if t == 0:
        out[0] = count
        out[1] = 1 if every else 0
        out[2] = 1 if some else 0


# Histograms, sorts


@correct(
    2,
    64,
    ints(200),
    zeros(10, dtype=np.int32),
    gives=lambda x, bins: np.bincount(x // 10, minlength=10),
)
@cuda.jit
def global_histogram(x, bins):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(bins, x[i] // 10, 1)


@correct(
    2,
    64,
    ints(200),
    zeros(10, dtype=np.int32),
    gives=lambda x, out: np.bincount(x // 10, minlength=10),
)
@cuda.jit
def private_histogram(x, out):
    bins = cuda.shared.array(10, int32)
    t = cuda.threadIdx.x
    if t < 10:
        bins[t] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(bins, x[i] // 10, 1)
    cuda.syncthreads()
    if t < 10:
        cuda.atomic.add(out, t, bins[t])


@correct(1, 32, ints(64), gives=np.sort)
@cuda.jit
def bitonic_sort(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    tile[t + 32] = x[t + 32]
    cuda.syncthreads()
    size = 2
    while size <= 64:
        step = size // 2
        while step > 0:
            i = 2 * t - (t & (step - 1))
            j = i + step
            ascending = (i & size) == 0
            if (tile[i] > tile[j]) == ascending:
                tile[i], tile[j] = tile[j], tile[i]
            cuda.syncthreads()
            step //= 2
        size *= 2
    x[t] = tile[t]
    x[t + 32] = tile[t + 32]


@correct(
    1,
    64,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, out: np.r_[x[x & 4 == 0], x[x & 4 > 0]],
)
@cuda.jit
def radix_sort_step(x, out):
    ones = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    bit = (x[t] >> 2) & 1
    ones[t] = bit
    cuda.syncthreads()
    offset = 1
    while offset < 64:
        left = ones[t - offset] if t >= offset else 0
        cuda.syncthreads()
        ones[t] += left
        cuda.syncthreads()
        offset <<= 1
    before, total = ones[t] - bit, ones[63]
    place = 64 - total + before if bit else t - before
    out[place] = x[t]


@correct(
    2,
    32,
    ints(64, high=8),
    zeros(8, dtype=np.int32),
    gives=lambda x, bins: np.bincount(x, minlength=8),
)
@cuda.jit
def histogram_by_matching_lanes(x, bins):
    value = x[cuda.grid(1)]
    same = cuda.match_any_sync(FULL, value)
    if cuda.ffs(same) - 1 == cuda.laneid:
        cuda.atomic.add(bins, value, cuda.popc(same))


# The parts of a network


def softmax_oracle(x, out):
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@cuda.jit(device=True)
def largest(tile, value):
    t = cuda.threadIdx.x
    tile[t] = value
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            tile[t] = max(tile[t], tile[t + step])
        cuda.syncthreads()
        step //= 2
    result = tile[0]
    cuda.syncthreads()
    return result


@cuda.jit(device=True)
def sum_of(tile, value):
    t = cuda.threadIdx.x
    tile[t] = value
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    result = tile[0]
    cuda.syncthreads()
    return result


@correct(3, 32, floats(3, 32), zeros(3, 32), gives=softmax_oracle)
@cuda.jit
def softmax_of_rows(x, out):
    tile = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    top = largest(tile, x[row, t])
    power = math.exp(x[row, t] - top)
    out[row, t] = power / sum_of(tile, power)


def layer_norm_oracle(x, gain, bias, out):
    mean = x.mean(1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * gain + bias


@correct(
    3,
    32,
    floats(3, 32),
    floats(32),
    floats(32),
    zeros(3, 32),
    gives=layer_norm_oracle,
)
@cuda.jit
def layer_norm(x, gain, bias, out):
    tile = cuda.shared.array(32, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    mean = sum_of(tile, x[row, t]) / float32(32)
    gap = x[row, t] - mean
    variance = sum_of(tile, gap * gap) / float32(32)
    scale = float32(1) / math.sqrt(variance + float32(1e-5))
    out[row, t] = gap * scale * gain[t] + bias[t]


@correct(
    1,
    (8, 4),
    floats(8, 16),
    zeros(4, 8),
    gives=lambda x, out: x.reshape(4, 2, 8, 2).max((1, 3)),
)
@cuda.jit
def max_pooling(x, out):
    column, row = cuda.grid(2)
    best = x[2 * row, 2 * column]
    for k in range(1, 4):
        best = max(best, x[2 * row + k // 2, 2 * column + k % 2])
    out[row, column] = best


@correct(
    2,
    32,
    floats(64) - np.float32(0.5),
    zeros(64),
    gives=lambda x, y: np.maximum(x, 0),
)
@cuda.jit
def relu(x, y):
    i = cuda.grid(1)
    y[i] = x[i] if x[i] > 0 else 0


# Kinds of numbers


@correct(
    2,
    32,
    floats(64, dtype=float),
    zeros(64, dtype=float),
    gives=lambda x, y: np.sin(x) + np.log1p(x),
)
@cuda.jit
def doubles(x, y):
    i = cuda.grid(1)
    y[i] = math.sin(x[i]) + math.log1p(x[i])


@correct(
    1,
    32,
    floats(32, dtype=np.float16),
    zeros(32, dtype=np.float16),
    gives=lambda x, y: x + x,
)
@cuda.jit
def halves(x, y):
    i = cuda.grid(1)
    y[i] = x[i] + x[i]


@correct(
    1,
    32,
    ints(32, low=-128, high=128, dtype=np.int8),
    zeros(32, dtype=np.int8),
    gives=lambda x, y: (3 * x.astype(int)).astype(np.int8),
)
@cuda.jit
def bytes_wrap(x, y):
    i = cuda.grid(1)
    y[i] = 3 * x[i]


@correct(
    1,
    32,
    ints(32, high=256, dtype=np.uint8),
    zeros(32, dtype=np.uint8),
    gives=lambda x, y: 255 - x,
)
@cuda.jit
def negative_of_an_image(x, y):
    i = cuda.grid(1)
    y[i] = uint8(255) - x[i]


@correct(
    1,
    32,
    ints(32, dtype=np.int64) * 10**16,
    zeros(32, dtype=np.int64),
    gives=lambda x, y: x * 1_000_003 // 7,
)
@cuda.jit
def long_integers_wrap(x, y):
    i = cuda.grid(1)
    y[i] = x[i] * 1_000_003 // 7


@correct(
    1,
    32,
    (floats(32) + 1j * floats(32)).astype(np.complex64),
    zeros(32, dtype=np.complex64),
    gives=lambda x, y: x[::-1] * x.conj() + 2j * x.real,
)
@cuda.jit
def complex_numbers(x, y):
    tile = cuda.shared.array(32, complex64)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    y[t] = tile[31 - t] * x[t].conjugate() + 2j * x[t].real


@correct(
    1,
    32,
    ints(32, dtype=np.int8),
    zeros(32, dtype=np.int8),
    gives=lambda x, y: x[::-1],
)
@cuda.jit
def neighbouring_bytes_are_apart(x, y):
    tile = cuda.shared.array(32, int8)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    tile[31 - t] += 1
    cuda.syncthreads()
    y[t] = tile[31 - t] - 1


@correct(
    1,
    32,
    ints(32) > 50,
    zeros(32, dtype=bool),
    gives=lambda x, y: ~x | (np.arange(32) % 3 == 0),
)
@cuda.jit
def booleans(x, y):
    i = cuda.grid(1)
    y[i] = not x[i] or i % 3 == 0


@correct(
    1,
    32,
    ints(32, low=1),
    zeros(32, 4, dtype=np.int64),
    gives=lambda x, y: np.array(
        [
            [
                v.bit_count(),
                32 - v.bit_length(),
                (v & -v).bit_length(),
                int(f"{v:032b}"[::-1], 2),
            ]
            for v in x.tolist()
        ]
    ),
)
@cuda.jit
def bit_tricks(x, y):
    i = cuda.grid(1)
    y[i, 0] = cuda.popc(x[i])
    y[i, 1] = cuda.clz(x[i])
    y[i, 2] = cuda.ffs(x[i])
    y[i, 3] = int64(cuda.brev(x[i])) & 0xFFFFFFFF


@correct(
    1,
    32,
    ints(32),
    zeros(32, dtype=np.int32),
    gives=lambda x, y: (x ^ x >> 1) | (x << 3) & ~5,
)
@cuda.jit
def gray_code(x, y):
    i = cuda.grid(1)
    y[i] = (x[i] ^ x[i] >> 1) | (x[i] << 3) & ~5


@correct(
    1,
    32,
    floats(32),
    zeros(32),
    gives=lambda x, y: np.where(x > 0.5, 3 * x + 1, np.cbrt(x)),
)
@cuda.jit
def fused_and_selected(x, y):
    i = cuda.grid(1)
    line = cuda.fma(x[i], float32(3), float32(1))
    y[i] = cuda.selp(x[i] > float32(0.5), line, cuda.cbrt(x[i]))


# Memory of other kinds


@correct(
    1,
    32,
    ints(32, 5),
    zeros(32, dtype=np.int32),
    gives=lambda a, out: np.median(a, 1),
)
@cuda.jit
def median_in_local_memory(a, out):
    window = cuda.local.array(5, int32)
    t = cuda.threadIdx.x
    for k in range(5):
        j = k
        while j > 0 and window[j - 1] > a[t, k]:
            window[j] = window[j - 1]
            j -= 1
        window[j] = a[t, k]
    out[t] = window[2]


FILTER = np.array([1, 4, 6, 4, 1], np.float32) / 16


@correct(
    1,
    32,
    floats(32),
    zeros(32),
    gives=lambda x, y: np.convolve(x, FILTER, "same"),
)
@cuda.jit
def filter_in_constant_memory(x, y):
    weights = cuda.const.array_like(FILTER)
    i = cuda.grid(1)
    total = float32(0)
    for k in range(weights.size):
        j = i + k - 2
        if 0 <= j < x.size:
            total += weights[k] * x[j]
    y[i] = total


SHIFT, SIGNS = 7, (1, -1, 1)
TABLE = np.array([5, 3, 1], np.int32)


@correct(
    1,
    32,
    ints(32),
    zeros(32, dtype=np.int32),
    gives=lambda x, y: x * np.resize(SIGNS, 32) + SHIFT + np.resize(TABLE, 32),
)
@cuda.jit
def constants_from_outside(x, y):
    i = cuda.grid(1)
    y[i] = x[i] * SIGNS[i % 3] + SHIFT + TABLE[i % 3]


def scaled_by(factor):
    @cuda.jit
    def scaled(x, y):
        i = cuda.grid(1)
        y[i] = x[i] * factor

    return scaled


correct(1, 32, ints(32), zeros(32, dtype=np.int32), gives=lambda x, y: 13 * x)(
    scaled_by(13)
)


@correct(
    1,
    32,
    ints(32),
    zeros(32, dtype=np.int32),
    dynamic=128,
    gives=lambda x, y: x[::-1],
)
@cuda.jit
def dynamic_shared_memory(x, y):
    tile = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    y[t] = tile[tile.size - 1 - t]


@correct(
    1,
    32,
    ints(32),
    floats(32),
    zeros(32),
    dynamic=256,
    gives=lambda x, f, y: x[::-1] + f[::-1],
)
@cuda.jit
def dynamic_memory_in_two_parts(x, f, y):
    counts = cuda.shared.array(0, int32)[:32]
    numbers = cuda.shared.array(0, float32)[32:]
    t = cuda.threadIdx.x
    counts[t] = x[t]
    numbers[t] = f[t]
    cuda.syncthreads()
    y[t] = counts[31 - t] + numbers[31 - t]


@correct(
    1,
    32,
    np.arange(32, dtype=np.int32),
    zeros(32, dtype=np.int32),
    dynamic=128,
    gives=lambda x, y: x,
)
@cuda.jit
def dynamic_memory_reused_as_another_type(x, y):
    halves = cuda.shared.array(0, int16)
    words = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    halves[2 * t] = x[t]
    halves[2 * t + 1] = 0
    cuda.syncthreads()
    y[t] = words[t]


@correct(
    1, 32, ints(32), zeros(32, dtype=np.int32), gives=lambda x, y: 2 * x[::-1]
)
@cuda.jit
def two_arrays_on_one_line(x, y):
    one, two = cuda.shared.array(32, int32), cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    one[t], two[t] = x[t], x[31 - t]
    cuda.syncthreads()
    y[t] = one[31 - t] + two[t]


@correct(
    1,
    8,
    ints(8, 6),
    zeros(8, dtype=np.int64),
    gives=lambda a, out: a[:, 1:5].sum(1) + a[:, 0],
)
@cuda.jit
def views_of_rows(a, out):
    t = cuda.grid(1)
    row = a[t]
    part = a[t, 1:5]
    total = 0
    for k in range(part.shape[0]):
        total += part[k]
    out[t] = total + row[0]


@cuda.jit(device=True)
def trace_of(matrix):
    total = 0
    for k in range(matrix.shape[0]):
        total += matrix[k, k]
    return total


@cuda.jit(device=True)
def fill(row, value):
    for k in range(len(row)):
        row[k] = value


@correct(
    1,
    4,
    ints(4, 3, 3),
    zeros(4, 2, dtype=np.int64),
    gives=lambda a, out: np.repeat(
        np.trace(a, axis1=1, axis2=2)[:, None], 2, 1
    ),
)
@cuda.jit
def views_for_device_functions(a, out):
    t = cuda.grid(1)
    fill(out[t], trace_of(a[t, :, :]))


@correct(
    1,
    (4, 4),
    ints(4, 6),
    zeros(4, 3, dtype=np.int32),
    gives=lambda a, out: a[::-1, ::2],
)
@cuda.jit
def strided_slices(a, out):
    column, row = cuda.grid(2)
    if column < 3:
        every_other = a[3 - row, ::2]
        out[row, column] = every_other[column]


@correct(
    2,
    32,
    np.asfortranarray(ints(8, 8)),
    ints(16, 8)[::2],
    zeros(8, 8, dtype=np.int32),
    gives=lambda a, b, c: a + b,
)
@cuda.jit
def arrays_of_any_layout(a, b, c):
    i = cuda.grid(1)
    c[i // 8, i % 8] = a[i // 8, i % 8] + b[i // 8, i % 8]


PARTICLE = np.dtype([("position", np.float32), ("charge", np.int32)])


def particles():
    made = np.zeros(32, PARTICLE)
    made["position"] = np.arange(32) / 4
    made["charge"] = np.arange(32)
    return made


def moved(made):
    made["position"] += 0.5 * made["charge"]
    made["charge"] += 1
    return made


@correct(1, 32, particles(), gives=moved)
@cuda.jit
def records(made):
    i = cuda.grid(1)
    made[i].position += 0.5 * made[i].charge
    made[i]["charge"] += 1


# The language


@cuda.jit(device=True)
def square(x):
    return x * x


@cuda.jit(device=True)
def norm(x, y):
    return math.sqrt(square(x) + square(y))


@cuda.jit(device=True)
def polar(x, y):
    return norm(x, y), math.atan2(y, x)


@correct(
    1,
    32,
    floats(32, 2),
    zeros(32, 2),
    gives=lambda xy, out: np.stack(
        [np.hypot(*xy.T), np.arctan2(xy[:, 1], xy[:, 0])], 1
    ),
)
@cuda.jit
def nested_device_functions(xy, out):
    i = cuda.grid(1)
    radius, angle = polar(xy[i, 0], xy[i, 1])
    out[i, 0] = radius
    out[i, 1] = angle


@correct(
    1,
    8,
    ints(8, 3),
    zeros(8, 3, dtype=np.int32),
    gives=lambda a, out: np.sort(a, 1),
)
@cuda.jit
def tuples(a, out):
    i = cuda.grid(1)
    low, middle, high = a[i, 0], a[i, 1], a[i, 2]
    if low > middle:
        low, middle = middle, low
    if middle > high:
        middle, high = high, middle
    if low > middle:
        low, middle = middle, low
    found = (low, (middle, high))
    out[i, 0] = found[0]
    out[i, 1], out[i, 2] = found[1]


def collatz_oracle(limit, out):
    for i in range(len(out)):
        n, steps = i, 0
        while n > 1:
            n = 3 * n + 1 if n % 2 else n // 2
            steps += 1
        out[i] = -1 if n < 1 else min(steps, limit)
    return out


@correct(1, 32, 30, zeros(32, dtype=np.int32), gives=collatz_oracle)
@cuda.jit
def while_with_everything(limit, out):
    i = cuda.grid(1)
    n, steps = i, 0
    while n != 1:
        if n < 1:
            steps = -1
            break
        if steps == limit:
            break
        steps += 1
        if n % 2 == 1:
            n = 3 * n + 1
            continue
        n //= 2
    else:
        steps = min(steps, limit)
    out[i] = steps


def smallest_factor(n):
    return next((k for k in range(2, n) if n % k == 0), 0)


@correct(
    2,
    32,
    zeros(64, dtype=np.int32),
    gives=lambda out: ([smallest_factor(n) for n in range(64)]),
)
@cuda.jit
def for_with_else(out):
    n = cuda.grid(1)
    for k in range(2, n):
        if n % k != 0:
            continue
        out[n] = k
        break
    else:
        out[n] = 0


def ten_diffusion_steps(x, y):
    for _ in range(10):
        x[1:-1] = (x[:-2] + x[2:]) / np.float32(2)
    return x


@correct(1, 32, floats(32), zeros(32), gives=ten_diffusion_steps)
@cuda.jit
def diffusion_in_shared_memory(x, y):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    for _ in range(10):
        cuda.syncthreads()
        value = tile[t]
        if 0 < t < 31:
            value = (tile[t - 1] + tile[t + 1]) / float32(2)
        cuda.syncthreads()
        tile[t] = value
    y[t] = tile[t]


@correct(
    2,
    32,
    ints(64),
    zeros(64, dtype=np.int32),
    gives=lambda x, y: np.roll(x, 1),
)
@cuda.jit
def uniform_loop_with_break_at_a_barrier(x, y):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    start = 0
    if cuda.blockIdx.x == 1:
        return
    while True:
        if start >= 64:
            break
        tile[t] = x[start + t]
        cuda.syncthreads()
        y[(start + t + 1) % 64] = tile[t]
        cuda.syncthreads()
        start += 32


@correct(
    1, 64, ints(64), zeros(64, dtype=np.int32), gives=lambda x, y: x * 2 - 1
)
@cuda.jit
def warps_take_different_ways(x, y):
    t = cuda.threadIdx.x
    if t < 32:
        value = cuda.shfl_sync(FULL, x[t], cuda.laneid)
    else:
        value = cuda.shfl_down_sync(FULL, x[t], 0)
    y[t] = value + x[t] - 1


@correct(
    2,
    32,
    ints(64),
    zeros(64, dtype=np.int32),
    zeros(64, dtype=np.int32),
    gives=lambda x, middle, out: (x + 1, (x + 1)[::-1]),
)
@cuda.jit
def grid_sync(x, middle, out):
    grid = cuda.cg.this_grid()
    i = cuda.grid(1)
    middle[i] = x[i] + 1
    grid.sync()
    out[i] = middle[63 - i]


@correct(
    2,
    32,
    zeros(8, dtype=np.int32),
    gives=lambda out: ([64, -64, 63, -5, 0b1, 0b111111, 0, 63]),
)
@cuda.jit
def atomics_of_each_kind(out):
    i = cuda.grid(1)
    cuda.atomic.add(out, 0, 1)
    cuda.atomic.sub(out, 1, 1)
    cuda.atomic.max(out, 2, i)
    cuda.atomic.min(out, 3, -5)
    cuda.atomic.or_(out, 4, 1)
    cuda.atomic.or_(out, 5, i)
    cuda.atomic.and_(out, 6, i)
    cuda.atomic.max(out, 7, i)
