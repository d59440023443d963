"""Counts that arithmetic gives, on kernels that do one thing each."""

import inspect
import math

import numpy as np
import pytest
from numba import float32, float64, int8, int32

from gpu_course import cuda

FLOAT, DOUBLE, BYTE, INT = np.float32, np.float64, np.int8, np.int32


def line_of(kernel, text):
    """Return the number of the only line of a kernel that has `text`."""
    lines, first = inspect.getsourcelines(kernel.py_func)
    (number,) = (n for n, line in enumerate(lines, first) if text in line)
    return number


# Requests and sectors


@cuda.jit
def strided(x, stride, offset):
    x[stride * cuda.grid(1) + offset] = 1


@pytest.mark.parametrize(
    ("dtype", "stride", "offset", "sectors"),
    [
        (FLOAT, 1, 0, 4),  # 32 * 4 bytes = 128 bytes, 128 / 32
        (FLOAT, 2, 0, 8),  # bytes 0 to 252, every sector of them: 256 / 32
        (FLOAT, 3, 0, 12),  # bytes 0 to 376: ceil(376 / 32)
        (FLOAT, 4, 0, 16),  # two elements a sector: 32 / 2
        (FLOAT, 8, 0, 32),  # one element a sector
        (FLOAT, 32, 0, 32),  # no more than one a lane
        (FLOAT, 0, 5, 1),  # all lanes write one element
        (FLOAT, 1, 1, 5),  # bytes 4 to 132 touch sectors 0 to 4
        (FLOAT, 1, 8, 4),  # byte 32 is the start of a sector
        (FLOAT, 2, 7, 9),  # bytes 28 to 280: sectors 0 to 8
        (FLOAT, -1, 31, 4),  # the order of the lanes doesn't matter
        (DOUBLE, 1, 0, 8),  # 32 * 8 / 32
        (DOUBLE, 1, 1, 9),  # bytes 8 to 264: sectors 0 to 8
        (DOUBLE, 4, 0, 32),  # one element a sector
        (BYTE, 1, 0, 1),  # 32 * 1 / 32
        (BYTE, 1, 1, 2),  # bytes 1 to 32
        (BYTE, 32, 0, 32),  # one a sector
        (np.float16, 1, 0, 2),  # 32 * 2 / 32
        (np.complex128, 1, 0, 16),  # 32 * 16 / 32
    ],
)
def test_sectors_of_a_warp(dtype, stride, offset, sectors):
    x = np.zeros(1100, dtype)
    report = strided.trace[1, 32](x, stride, offset)
    asked = 32 * x.itemsize
    assert report.global_requests == 1
    assert report.global_sectors == sectors
    assert report.bytes_moved == asked
    # Lanes that share bytes ask for more than there are: 1 at most.
    assert report.coalescing_efficiency == min(1, asked / (32 * sectors))
    assert report.lines[line_of(strided, "offset] = 1")].global_requests == 1


@cuda.jit
def guarded(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = 1


@pytest.mark.parametrize(
    ("grid", "block", "n", "requests", "sectors"),
    [
        (1, 40, 40, 2, 5),  # 32 lanes: 4 sectors, 8 lanes: 1
        (1, 33, 33, 2, 5),  # one lane asks for a sector of its own
        (2, 64, 100, 4, 13),  # 100 * 4 bytes: 12.5 sectors
        (4, 64, 100, 4, 13),  # warps without an active lane ask nothing
        (10, 1, 10, 10, 10),  # ten blocks of one thread are ten warps
        (3, 20, 60, 3, 9),  # bytes 0-80, 80-160, 160-240: 3 sectors each
    ],
)
def test_partial_warps(grid, block, n, requests, sectors):
    report = guarded.trace[grid, block](np.zeros(n, FLOAT))
    assert report.global_requests == requests
    assert report.global_sectors == sectors


@cuda.jit
def copy_rows(a, b):
    column, row = cuda.grid(2)
    b[row, column] = a[row, column]


@cuda.jit
def copy_columns(a, b):
    row, column = cuda.grid(2)
    b[row, column] = a[row, column]


@pytest.mark.parametrize(
    ("kernel", "sectors"),
    [
        (copy_rows, 2 * 32 * 4),  # 32 warps load and store a row of 128 bytes
        (copy_columns, 2 * 32 * 32),  # a row apart, so a sector for each lane
    ],
)
def test_order_of_a_matrix(kernel, sectors):
    a = np.zeros((32, 32), FLOAT)
    report = kernel.trace[1, (32, 32)](a, a.copy())
    assert report.global_requests == 64
    assert report.global_sectors == sectors
    assert report.coalescing_efficiency == 2 * 4096 / (32 * sectors)


def test_a_fortran_array_likes_columns():
    a = np.zeros((32, 32), FLOAT, order="F")
    report = copy_columns.trace[1, (32, 32)](a, a.copy(order="F"))
    assert report.global_sectors == 2 * 32 * 4
    assert report.coalescing_efficiency == 1


@pytest.mark.parametrize(
    ("block", "sectors"),
    [
        # A warp's part of a matrix 64 wide, 8 rows, all in all 16 warps:
        ((32, 1), 16 * 4),  # one row of 32 floats
        ((16, 2), 16 * 4),  # two rows of 64 bytes
        ((8, 4), 16 * 4),  # four rows of 32 bytes
        ((4, 8), 16 * 8),  # eight rows of 16 bytes, half a sector
    ],
)
def test_shape_of_a_block(block, sectors):
    @cuda.jit
    def fill(a):
        column, row = cuda.grid(2)
        a[row, column] = 1

    grid = (64 // block[0], 8 // block[1])
    report = fill.trace[grid, block](np.zeros((8, 64), FLOAT))
    assert report.global_requests == 16
    assert report.global_sectors == sectors


def test_a_loop_asks_once_an_iteration():
    @cuda.jit
    def grid_stride(x):
        for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
            x[i] = 1

    report = grid_stride.trace[2, 32](np.zeros(200, FLOAT))
    # 200 elements in 64s: 2 warps, 3 times, and 8 lanes of the first warp
    assert report.global_requests == 2 * 3 + 1
    assert report.global_sectors == 6 * 4 + 1


def test_divergent_lanes_ask_apart():
    @cuda.jit
    def both(x):
        t = cuda.threadIdx.x
        if t % 2 == 0:
            x[t] = 1
        else:
            x[t] = 2

    report = both.trace[1, 32](np.zeros(32, FLOAT))
    # Each half of the lanes touches all 4 sectors, and asks for 64 bytes.
    assert report.global_requests == 2
    assert report.global_sectors == 8
    assert report.coalescing_efficiency == 128 / 256


@pytest.mark.parametrize(
    ("grid", "block", "requests"),
    [
        (1, 32, 1),  # a warp's atomic is one request
        (1, 96, 3),
        (4, 40, 8),  # two warps a block
    ],
)
def test_atomics(grid, block, requests):
    @cuda.jit
    def count(out):
        cuda.atomic.add(out, 0, 1)

    report = count.trace[grid, block](np.zeros(1, INT))
    assert report.global_requests == requests
    assert report.global_sectors == requests  # all lanes want one element
    assert report.findings == []


# Banks


@cuda.jit
def strided_floats(stride):
    tile = cuda.shared.array(1056, float32)
    tile[stride * cuda.threadIdx.x] = 1


@pytest.mark.parametrize("stride", range(1, 34))
def test_bank_conflicts_of_strides(stride):
    report = strided_floats.trace[1, 32](stride)
    assert report.shared_requests == 1
    # Lanes t and t + 32 / gcd meet in a bank.
    assert report.max_bank_conflict == math.gcd(stride, 32)
    assert report.global_requests == 0
    assert report.findings == []


def test_a_stride_of_zero_is_no_conflict():
    @cuda.jit
    def broadcast(out):
        tile = cuda.shared.array(32, float32)
        t = cuda.threadIdx.x
        tile[t] = 1
        cuda.syncthreads()
        out[t] = tile[3]

    report = broadcast.trace[1, 32](np.zeros(32, FLOAT))
    assert report.max_bank_conflict == 1
    assert report.shared_requests == 2


@cuda.jit
def doubles_in_a_row(stride):
    tile = cuda.shared.array(1024, float64)
    tile[stride * cuda.threadIdx.x] = 1


@pytest.mark.parametrize(
    ("stride", "degree"),
    [
        (1, 2),  # 64 words in 32 banks
        (2, 4),  # 32 pairs, and the words of 16 pairs of banks unused
        (16, 32),  # all words in banks 0 and 1
        (17, 2),  # 17 is odd, so the pairs lie in a row, in other order
    ],
)
def test_bank_conflicts_of_doubles(stride, degree):
    assert doubles_in_a_row.trace[1, 32](stride).max_bank_conflict == degree


@pytest.mark.parametrize(
    ("stride", "degree"),
    [
        (1, 1),  # four lanes share a word
        (4, 1),  # a word a lane
        (8, 2),  # 32 words, in the even banks
        (128, 32),  # one bank
    ],
)
def test_bank_conflicts_of_bytes(stride, degree):
    @cuda.jit
    def bytes_in_a_row(stride):
        tile = cuda.shared.array(4096, int8)
        tile[stride * cuda.threadIdx.x] = 1

    assert bytes_in_a_row.trace[1, 32](stride).max_bank_conflict == degree


def transpose(width):
    @cuda.jit
    def transposed(a, b):
        tile = cuda.shared.array((32, width), float32)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        tile[ty, tx] = a[ty, tx]
        cuda.syncthreads()
        b[ty, tx] = tile[tx, ty]

    return transposed


@pytest.mark.parametrize(
    ("width", "degree"),
    [
        (32, 32),  # a column lies in one bank
        (33, 1),  # padding moves each row by a bank
        (34, 2),  # gcd(34, 32)
        (40, 8),  # gcd(40, 32)
    ],
)
def test_padding(width, degree):
    kernel = transpose(width)
    a = np.zeros((32, 32), FLOAT)
    report = kernel.trace[1, (32, 32)](a, a.copy())
    read = report.lines[line_of(kernel, "tile[tx, ty]")]
    written = report.lines[line_of(kernel, "= a[ty, tx]")]
    assert read.max_bank_conflict == report.max_bank_conflict == degree
    assert written.max_bank_conflict == 1
    assert read.shared_requests == written.shared_requests == 32
    assert report.coalescing_efficiency == 1
    assert report.findings == []


# Branches and loops


@cuda.jit
def lanes_below(x, n):
    t = cuda.threadIdx.x
    if t < n:
        x[t] = 1


@pytest.mark.parametrize(
    ("block", "n", "efficiency"),
    [
        (32, 32, 1),
        (32, 16, 16 / 32),
        (32, 1, 1 / 32),
        (64, 32, 1),  # the second warp doesn't execute the body
        (64, 40, 40 / 64),  # it does with 8 of its lanes
        (64, 0, 1),  # nobody executes the body
    ],
)
def test_branch_efficiency(block, n, efficiency):
    report = lanes_below.trace[1, block](np.zeros(64, FLOAT), n)
    assert report.branch_efficiency == efficiency


@cuda.jit
def two_ways(x, n):
    t = cuda.threadIdx.x
    if t < n:
        x[t] = 1
    else:
        x[t] = 2


@pytest.mark.parametrize(
    ("block", "n", "efficiency"),
    [
        (32, 16, 32 / 64),  # both bodies, 32 lanes pass each
        (32, 1, 32 / 64),  # whatever the shares
        (32, 32, 1),  # one body
        (64, 32, 1),  # each warp one body
        (64, 48, (32 + 32) / (32 + 64)),  # the second warp both
    ],
)
def test_efficiency_of_if_and_else(block, n, efficiency):
    report = two_ways.trace[1, block](np.zeros(64, FLOAT), n)
    assert report.branch_efficiency == efficiency


def test_nested_branches():
    @cuda.jit
    def nested(x):
        t = cuda.threadIdx.x
        if t < 16:
            x[t] = 1
            if t < 4:
                x[t] = 2

    report = nested.trace[1, 32](np.zeros(32, FLOAT))
    # 16 lanes of 32, then 4 lanes of a warp of 32
    assert report.branch_efficiency == (16 + 4) / (32 + 32)
    line = report.lines[line_of(nested, "if t < 4")]
    assert line.branch_efficiency == 4 / 32


def test_a_loop_of_uneven_trips():
    @cuda.jit
    def uneven(x):
        t = cuda.threadIdx.x
        for _ in range(t):
            x[t] += 1

    report = uneven.trace[1, 32](np.zeros(32, INT))
    # 0 + 1 + ... + 31 trips of lanes, in the 31 that the warp makes
    assert report.branch_efficiency == 496 / (31 * 32)


def test_a_loop_of_even_trips_wastes_nothing():
    @cuda.jit
    def even(x):
        t = cuda.threadIdx.x
        for _ in range(5):
            x[t] += 1

    assert even.trace[1, 32](np.zeros(32, INT)).branch_efficiency == 1


def test_trips_may_differ_between_warps():
    @cuda.jit
    def by_warp(x):
        t = cuda.threadIdx.x
        for _ in range(t // 32):
            x[t] += 1

    assert by_warp.trace[1, 96](np.zeros(96, INT)).branch_efficiency == 1


def test_a_while_of_two_lengths():
    @cuda.jit
    def halves(x):
        t = cuda.threadIdx.x
        n = 2 if t < 16 else 4
        while n > 0:
            x[t] += 1
            n -= 1

    report = halves.trace[1, 32](np.zeros(32, INT))
    assert report.branch_efficiency == (16 * 2 + 16 * 4) / (4 * 32)


# FLOPs, bytes, barriers


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    y[i] = a * x[i] + y[i]


@cuda.jit
def fused_axpy(a, x, y):
    i = cuda.grid(1)
    y[i] = cuda.fma(a, x[i], y[i])


@pytest.mark.parametrize("kernel", [axpy, fused_axpy])
def test_axpy(kernel):
    x = np.ones(128, FLOAT)
    report = kernel.trace[2, 64](FLOAT(2), x, x.copy())
    assert report.flops == 2 * 128  # a multiplication and an addition
    assert report.bytes_moved == 3 * 4 * 128  # two loads and a store
    assert report.arithmetic_intensity == pytest.approx(2 / 12)
    assert report.global_requests == 3 * 4  # three of each of 4 warps
    assert report.global_sectors == 12 * 4


def test_double_precision_halves_the_intensity():
    x = np.ones(128)
    report = axpy.trace[2, 64](2.0, x, x.copy())
    assert report.arithmetic_intensity == pytest.approx(2 / 24)


def test_integers_do_no_flops():
    x = np.ones(64, INT)
    report = axpy.trace[1, 64](3, x, x.copy())
    assert report.flops == 0
    assert report.arithmetic_intensity == 0


def test_horner_s_rule():
    @cuda.jit
    def polynomial(x, y):
        i = cuda.grid(1)
        y[i] = ((x[i] * 2 + 3) * x[i] + 4) * x[i] + 5

    report = polynomial.trace[1, 32](np.ones(32), np.zeros(32))
    assert report.flops == 32 * 6  # degree 3: 3 products and 3 sums
    assert report.bytes_moved == 32 * 8 * 4  # x[i] is written three times


def test_flops_of_a_loop():
    @cuda.jit
    def repeated(x):
        i = cuda.grid(1)
        total = x[i]
        for _ in range(10):
            total += x[i] * total - float32(1)
        x[i] = total / float32(2)

    report = repeated.trace[1, 32](np.zeros(32, FLOAT))
    assert report.flops == 32 * (10 * 3 + 1)
    assert report.global_requests == 1 + 10 + 1


def naive(n):
    @cuda.jit
    def matmul(a, b, c):
        column, row = cuda.grid(2)
        total = float32(0)
        for k in range(n):
            total += a[row, k] * b[k, column]
        c[row, column] = total

    return matmul


def tiled(n, width):
    @cuda.jit
    def matmul(a, b, c):
        tile_a = cuda.shared.array((width, width), float32)
        tile_b = cuda.shared.array((width, width), float32)
        column, row = cuda.grid(2)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0)
        for start in range(0, n, width):
            tile_a[ty, tx] = a[row, start + tx]
            tile_b[ty, tx] = b[start + ty, column]
            cuda.syncthreads()
            for k in range(width):
                total += tile_a[ty, k] * tile_b[k, tx]
            cuda.syncthreads()
        c[row, column] = total

    return matmul


@pytest.mark.parametrize("width", [1, 4, 8])
def test_intensity_of_a_tiled_matmul(width):
    n = 16
    a = np.ones((n, n), FLOAT)
    kernel = naive(n) if width == 1 else tiled(n, width)
    block = (8, 8) if width == 1 else (width, width)
    grid = (n // block[0], n // block[1])
    report = kernel.trace[grid, block](a, a, a.copy())
    assert report.flops == 2 * n**3
    # Each element is loaded n / width times, and the result stored once.
    assert report.bytes_moved == 4 * (2 * n**3 // width + n**2)
    assert report.arithmetic_intensity == pytest.approx(
        2 * n**3 / (4 * (2 * n**3 / width + n**2))
    )
    # Two barriers a tile in each block
    blocks = (n // block[0]) ** 2
    assert report.barriers == (0 if width == 1 else blocks * 2 * n // width)
    assert report.findings == []


def test_requests_of_a_tiled_matmul():
    a = np.ones((16, 16), FLOAT)
    report = tiled(16, 8).trace[(2, 2), (8, 8)](a, a, a.copy())
    # 4 blocks of 2 warps: 2 loads for each of 2 tiles and one store, each
    # of 4 rows of 8 floats, which are a sector
    assert report.global_requests == 4 * 2 * (2 * 2 + 1)
    assert report.global_sectors == 4 * report.global_requests
    # 2 stores for each of 2 tiles, and 2 loads for each of 16 products
    assert report.shared_requests == 4 * 2 * (2 * 2 + 2 * 16)
    # Four rows of tile_a are read, their column k in banks k, k + 8, ...
    assert report.max_bank_conflict == 1


def test_barriers_of_a_reduction():
    @cuda.jit
    def block_sum(x, out):
        tile = cuda.shared.array(64, float32)
        t = cuda.threadIdx.x
        tile[t] = x[cuda.grid(1)]
        cuda.syncthreads()
        step = 32
        while step > 0:
            if t < step:
                tile[t] += tile[t + step]
            cuda.syncthreads()  # in the loop
            step //= 2
        if t == 0:
            out[cuda.blockIdx.x] = tile[0]

    report = block_sum.trace[4, 64](np.ones(256, FLOAT), np.zeros(4, FLOAT))
    # Each of 4 blocks: one after the load, then one for each of 6 halvings
    assert report.barriers == 4 * (1 + 6)
    assert report.lines[line_of(block_sum, "# in the loop")].barriers == 24
    assert report.flops == 4 * 63
    # Bodies of the halvings: 32, 16, ... 1 lanes, of one warp each; then
    # one lane of a warp stores.
    assert report.branch_efficiency == (63 + 1) / (6 * 32 + 32)


def test_syncwarp_is_no_barrier_of_the_block():
    @cuda.jit
    def warps(x):
        tile = cuda.shared.array(64, int32)
        t = cuda.threadIdx.x
        tile[t] = x[t]
        cuda.syncwarp()
        x[t] = tile[t ^ 1]

    report = warps.trace[1, 64](np.zeros(64, INT))
    assert report.barriers == 0
    assert report.findings == []


def test_strides_and_conflicts_are_no_findings():
    @cuda.jit
    def slow(x):
        tile = cuda.shared.array(1024, float32)
        t = cuda.threadIdx.x
        tile[32 * t] = x[8 * t]
        if t % 2 == 0:
            x[8 * t] = tile[32 * t]

    report = slow.trace[1, 32](np.zeros(256, FLOAT))
    assert report.findings == []
    assert report.max_bank_conflict == 32
    assert report.coalescing_efficiency == 4 / 32
    assert report.branch_efficiency == 0.5
