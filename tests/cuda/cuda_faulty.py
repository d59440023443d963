"""Kernels with one seeded bug each, and where the trace must find it.

The faulty line ends in a comment, ``# FAULT: kind array``. Commas separate
several faults. A comment on its own line is about the next line. A race is at
the line that reads, if there is one, otherwise at the first of the two lines.
A barrier's fault is at the barrier's line and has no array.
"""

import inspect
import math
import re
from dataclasses import dataclass

import numpy as np
from numba import complex64, float32, float64, int8, int16, int32, int64

from gpu_course import cuda

MARK = re.compile(r"# FAULT: (.+)$")
FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Fault:
    """A kernel, its launch, and the findings that the trace must report.

    Attributes
    ----------
    configuration, arguments : tuple
        Those of the launch.
    expected : set of (str, str, int)
        Kind, array and line of each finding.
    index : tuple of int or None
        The first finding's index, if worked out by hand.
    threads : set or None
        Thread indices (in their blocks) of the first finding.
    """

    kernel: object
    configuration: tuple
    arguments: tuple
    expected: set
    index: tuple | None
    threads: set | None


FAULTS = {}


def faulty(
    grid, block, *arguments, dynamic=0, inside=None, index=None, threads=None
):
    """Add the kernel below to the suite; `inside` has the marked line."""

    def register(kernel):
        lines, first = inspect.getsourcelines((inside or kernel).py_func)
        expected = set()
        for number, line in enumerate(lines, first):
            for mark in MARK.findall(line):
                alone = line.lstrip().startswith("#")
                for fault in mark.split(", "):
                    kind, _, array = fault.partition(" ")
                    expected.add((kind, array, number + alone))
        assert expected, f"{kernel.__name__} marks no fault"
        FAULTS[kernel.__name__] = Fault(
            kernel,
            (grid, block, 0, dynamic),
            arguments,
            expected,
            index,
            threads,
        )
        return kernel

    return register


def ints(*shape):
    return np.arange(math.prod(shape), dtype=np.int32).reshape(shape)


def floats(*shape):
    return ints(*shape).astype(np.float32)


# Races on shared memory


@faulty(1, 64, ints(64), index=(0,), threads={(0, 0, 0), (63, 0, 0)})
@cuda.jit
def read_after_write(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    x[t] = tile[63 - t]  # FAULT: race tile


@faulty(1, 64, ints(64), index=(0,), threads={(0, 0, 0), (63, 0, 0)})
@cuda.jit
def write_after_read(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    right = tile[(t + 1) % 64]  # FAULT: race tile
    tile[t] = right
    cuda.syncthreads()
    x[t] = tile[t]


@faulty(1, 64, ints(64), index=(0,))
@cuda.jit
def write_after_write(x):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    tile[t // 2] = x[t]  # FAULT: race tile
    cuda.syncthreads()
    x[t] = tile[t // 2]


@faulty(1, 64, ints(64), index=(0,))
@cuda.jit
def too_few_cells(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t % 32] = x[t]  # FAULT: race tile
    cuda.syncthreads()
    x[t] = tile[t % 32]


@faulty(1, 64, ints(64), index=(0,))
@cuda.jit
def barrier_too_early(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    cuda.syncthreads()
    tile[t] = x[t]
    x[t] = tile[t ^ 32]  # FAULT: race tile


@faulty(1, 64, floats(64), index=(0,))
@cuda.jit
def broadcast_without_barrier(x):
    first = cuda.shared.array(1, float32)
    t = cuda.threadIdx.x
    if t == 0:
        first[0] = x[0]
    x[t] = x[t] + first[0]  # FAULT: race first


@faulty((2, 2), (8, 8), floats(16, 16), floats(16, 16), floats(16, 16))
@cuda.jit
def matmul_without_first_barrier(a, b, c):
    tile_a = cuda.shared.array((8, 8), float32)
    tile_b = cuda.shared.array((8, 8), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, 16, 8):
        tile_a[ty, tx] = a[row, start + tx]
        tile_b[ty, tx] = b[start + ty, column]
        for k in range(8):
            # FAULT: race tile_a, race tile_b
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    c[row, column] = total


@faulty((2, 2), (8, 8), floats(16, 16), floats(16, 16), floats(16, 16))
@cuda.jit
def matmul_without_second_barrier(a, b, c):
    tile_a = cuda.shared.array((8, 8), float32)
    tile_b = cuda.shared.array((8, 8), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, 16, 8):
        tile_a[ty, tx] = a[row, start + tx]
        tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(8):
            # FAULT: race tile_a, race tile_b
            total += tile_a[ty, k] * tile_b[k, tx]
    c[row, column] = total


@faulty(1, 64, floats(256), floats(64), index=(0,))
@cuda.jit
def race_between_iterations(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    total = float32(0)
    for k in range(4):
        tile[t] = x[64 * k + t]
        cuda.syncthreads()
        total += tile[63 - t]  # FAULT: race tile
    out[t] = total


@faulty(1, 64, floats(64), floats(1), index=(1,))
@cuda.jit
def reduction_without_barrier_in_the_loop(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    step = 32
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]  # FAULT: race tile
        step //= 2
    if t == 0:
        out[0] = tile[0]


@faulty(1, 64, floats(64), floats(1), index=(32,))
@cuda.jit
def reduction_without_barrier_after_the_load(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    step = 32
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]  # FAULT: race tile
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[0] = tile[0]


@faulty(1, 32, floats(32), floats(1))
@cuda.jit
def warp_reduction_without_syncwarp(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    tile[t + 32] = 0
    cuda.syncwarp()
    tile[t] += tile[t + 16]  # FAULT: race tile
    tile[t] += tile[t + 8]  # FAULT: race tile
    tile[t] += tile[t + 4]  # FAULT: race tile
    tile[t] += tile[t + 2]  # FAULT: race tile
    tile[t] += tile[t + 1]  # FAULT: race tile
    if t == 0:
        out[0] = tile[0]


@faulty(1, 64, floats(64), floats(64))
@cuda.jit
def scan_in_one_buffer(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    offset = 1
    while offset < 64:
        if t >= offset:
            tile[t] += tile[t - offset]  # FAULT: race tile
        cuda.syncthreads()
        offset *= 2
    out[t] = tile[t]


@faulty(1, 64, floats(64), floats(64), index=(0, 0))
@cuda.jit
def scan_with_the_wrong_buffer(x, out):
    buffers = cuda.shared.array((2, 64), float32)
    t = cuda.threadIdx.x
    source = 0
    buffers[0, t] = x[t]
    buffers[1, t] = x[t]
    cuda.syncthreads()
    offset = 1
    while offset < 64:
        value = buffers[source, t]
        if t >= offset:
            value += buffers[source, t - offset]  # FAULT: race buffers
        buffers[source, t] = value
        cuda.syncthreads()
        source = 1 - source
        offset *= 2
    out[t] = buffers[source, t]


@faulty(1, 32, ints(64), ints(64))
@cuda.jit
def blelloch_without_barrier_on_the_way_down(x, out):
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
    cuda.syncthreads()
    while step > 1:
        step //= 2
        last = 2 * step * (t + 1) - 1
        if last < 64:
            left = tile[last - step]  # FAULT: race tile
            tile[last - step] = tile[last]  # FAULT: race tile
            tile[last] += left  # FAULT: non_atomic_update tile
    cuda.syncthreads()
    out[2 * t] = tile[2 * t]
    out[2 * t + 1] = tile[2 * t + 1]


@faulty(1, 32, ints(32)[::-1].copy())
@cuda.jit
def bitonic_sort_without_barrier(x):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    size = 2
    while size <= 32:
        step = size // 2
        while step > 0:
            other = t ^ step
            if other > t:
                mine, theirs = tile[t], tile[other]  # FAULT: race tile
                if (mine > theirs) == (t & size == 0):
                    tile[t] = theirs  # FAULT: race tile
                    tile[other] = mine  # FAULT: race tile
            step //= 2
        cuda.syncthreads()
        size *= 2
    x[t] = tile[t]


@faulty(1, 64, floats(64), index=(0,), threads={(0, 0, 0), (63, 0, 0)})
@cuda.jit
def syncwarp_between_warps(x):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncwarp()
    x[t] = tile[63 - t]  # FAULT: race tile


@faulty(1, 32, floats(32), index=(16,), threads={(0, 0, 0), (16, 0, 0)})
@cuda.jit
def syncwarp_of_half_a_warp(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if t < 16:
        cuda.syncwarp(0xFFFF)
        x[t] = tile[t + 16]  # FAULT: race tile


@faulty(1, 32, floats(32))
@cuda.jit
def syncwarp_of_each_half_alone(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if t < 16:
        cuda.syncwarp(0x0000FFFF)
    else:
        cuda.syncwarp(0xFFFF0000)
    x[t] = tile[31 - t]  # FAULT: race tile


@faulty(1, 32, floats(32), index=(31,), threads={(0, 0, 0), (31, 0, 0)})
@cuda.jit
def syncwarp_without_the_last_lane(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    if t < 31:
        cuda.syncwarp(0x7FFFFFFF)
    if t == 0:
        x[0] = tile[30] + tile[31]  # FAULT: race tile


@faulty(1, 32, ints(32))
@cuda.jit
def shuffle_orders_no_memory(x):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    other = cuda.shfl_xor_sync(FULL, x[t], 1)
    x[t] = other - tile[t ^ 1]  # FAULT: race tile


@faulty(1, 32, ints(32))
@cuda.jit
def ballot_orders_no_memory(x):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    votes = cuda.ballot_sync(FULL, x[t] > 3)
    if votes != 0:
        x[t] = tile[31 - t]  # FAULT: race tile


@faulty(1, 64, ints(64))
@cuda.jit
def fence_is_no_barrier(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.threadfence_block()
    x[t] = tile[63 - t]  # FAULT: race tile


@faulty(1, 64, ints(64), ints(32))
@cuda.jit
def producer_and_consumer_warp(x, out):
    mailbox = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    warp, lane = t // 32, t % 32
    if warp == 0:
        mailbox[lane] = x[lane]
    else:
        out[lane] = mailbox[lane]  # FAULT: race mailbox


@cuda.jit(device=True)
def neighbour(buffer, t, value):
    buffer[t] = value
    return buffer[t ^ 1]  # FAULT: race tile


@faulty(1, 32, ints(32), inside=neighbour, index=(0,))
@cuda.jit
def race_in_a_device_function(x):
    tile = cuda.shared.array(32, int32)
    t = cuda.threadIdx.x
    x[t] = neighbour(tile, t, x[t])


@cuda.jit(device=True)
def sum_of_block(tile, value):
    t = cuda.threadIdx.x
    tile[t] = value
    cuda.syncthreads()
    step = 16
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    return tile[0]  # FAULT: race tile


@faulty(1, 32, floats(32), floats(2), inside=sum_of_block, index=(0,))
@cuda.jit
def two_calls_without_a_barrier_between(x, out):
    tile = cuda.shared.array(32, float32)
    value = x[cuda.threadIdx.x]
    first = sum_of_block(tile, value)
    second = sum_of_block(tile, value * value)
    if cuda.threadIdx.x == 0:
        out[0], out[1] = first, second


@faulty(1, (8, 8), ints(8, 8), index=(0, 1), threads={(1, 0, 0), (0, 1, 0)})
@cuda.jit
def transpose_without_barrier(a):
    tile = cuda.shared.array((8, 8), int32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    tile[ty, tx] = a[ty, tx]
    a[ty, tx] = tile[tx, ty]  # FAULT: race tile


@faulty(1, (4, 4, 4), ints(4, 4, 4), index=(0, 0, 0))
@cuda.jit
def race_in_three_dimensions(a):
    cube = cuda.shared.array((4, 4, 4), int32)
    x, y, z = cuda.threadIdx.x, cuda.threadIdx.y, cuda.threadIdx.z
    cube[z, y, x] = a[z, y, x]
    a[z, y, x] = cube[3 - z, y, x]  # FAULT: race cube


@faulty(1, 32, np.arange(32.0), index=(0,))
@cuda.jit
def race_of_doubles(x):
    tile = cuda.shared.array(32, float64)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    x[t] = tile[31 - t]  # FAULT: race tile


@faulty(1, 32, np.arange(32, dtype=np.complex64), index=(0,))
@cuda.jit
def race_of_complex_numbers(x):
    tile = cuda.shared.array(32, complex64)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    x[t] = tile[31 - t]  # FAULT: race tile


@faulty(1, 32, np.arange(32, dtype=np.int8))
@cuda.jit
def race_of_bytes(x):
    tile = cuda.shared.array(33, int8)
    t = cuda.threadIdx.x
    if t == 0:
        tile[32] = 0
    tile[t] = x[t]
    x[t] = tile[t + 1]  # FAULT: race tile


@faulty(1, 32, ints(32), dynamic=128, index=(0,))
@cuda.jit
def race_in_dynamic_memory(x):
    tile = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    x[t] = tile[31 - t]  # FAULT: race tile


@faulty(1, 32, floats(32), ints(32), dynamic=256)
@cuda.jit
def dynamic_arrays_that_overlap(x, y):
    numbers = cuda.shared.array(0, float32)
    counts = cuda.shared.array(0, int32)  # both start at byte 0
    t = cuda.threadIdx.x
    numbers[t] = x[t]  # FAULT: race numbers
    counts[31 - t] = y[t]
    cuda.syncthreads()
    y[t] = counts[31 - t]


@faulty(1, 32, np.arange(32.0), ints(32), dynamic=512)
@cuda.jit
def dynamic_arrays_that_overlap_by_half(x, y):
    wide = cuda.shared.array(0, float64)
    narrow = cuda.shared.array(0, int32)[32:]  # wide needs 64 of these
    t = cuda.threadIdx.x
    narrow[t] = y[t]  # FAULT: race narrow
    wide[t] = x[t]
    x[t] = wide[t]  # FAULT: race wide
    y[t] = narrow[t]  # FAULT: race narrow


@faulty(1, 32, ints(32, 4), index=(0, 3))
@cuda.jit
def race_through_rows(a):
    t = cuda.threadIdx.x
    row = a[t]
    above = a[(t + 31) % 32]
    row[3] = above[3] + 1  # FAULT: race a


@faulty(1, 64, ints(64), ints(8))
@cuda.jit
def bins_zeroed_without_barrier(x, out):
    bins = cuda.shared.array(8, int32)
    t = cuda.threadIdx.x
    if t < 8:
        bins[t] = 0  # FAULT: race bins
    cuda.atomic.add(bins, x[t] % 8, 1)
    cuda.syncthreads()
    if t < 8:
        cuda.atomic.add(out, t, bins[t])


@faulty(1, 64, ints(64), ints(8), index=(0,))
@cuda.jit
def bins_read_without_barrier(x, out):
    bins = cuda.shared.array(8, int32)
    t = cuda.threadIdx.x
    if t < 8:
        bins[t] = 0
    cuda.syncthreads()
    cuda.atomic.add(bins, x[t] % 8, 1)
    if t < 8:
        cuda.atomic.add(out, t, bins[t])  # FAULT: race bins


# Races on global memory


@faulty(1, 64, ints(64), index=(1,), threads={(0, 0, 0), (1, 0, 0)})
@cuda.jit
def shift_in_place(x):
    t = cuda.threadIdx.x
    if t < 63:
        x[t] = x[t + 1]  # FAULT: race x


LINE = cuda.to_device(ints(65))


@faulty(1, 64, LINE[:-1], LINE[1:], index=(1,))
@cuda.jit
def views_that_overlap(source, target):
    t = cuda.threadIdx.x
    target[t] = source[t]  # FAULT: race source


@faulty(1, 64, ints(64), ints(64), index=(0,))
@cuda.jit
def global_memory_needs_barriers_too(x, y):
    t = cuda.threadIdx.x
    y[t] = 2 * x[t]
    x[t] = y[63 - t]  # FAULT: race y


@faulty(2, 64, ints(128), index=(63,), threads={(0, 0, 0), (63, 0, 0)})
@cuda.jit
def neighbour_in_another_block(x):
    i = cuda.grid(1)
    left = x[i]
    if i > 0:
        left = x[i - 1]  # FAULT: race x
    cuda.syncthreads()
    x[i] = left


@faulty(2, 32, ints(64), ints(64), index=(0,))
@cuda.jit
def syncthreads_between_blocks(x, y):
    i = cuda.grid(1)
    y[i] = x[i]
    cuda.syncthreads()
    x[i] = y[63 - i]  # FAULT: race y


@faulty(2, 32, ints(64), ints(32), index=(0,))
@cuda.jit
def every_block_writes_the_same(x, out):
    out[cuda.threadIdx.x] = x[cuda.grid(1)]  # FAULT: race out


@faulty(2, 32, ints(64), ints(1), index=(0,))
@cuda.jit
def last_writer_wins(x, found):
    i = cuda.grid(1)
    if x[i] % 7 == 3:
        found[0] = i  # FAULT: race found


@faulty((2, 2), (4, 4), ints(8, 8), index=(0, 1))
@cuda.jit
def transpose_in_place(a):
    column, row = cuda.grid(2)
    value = a[column, row]  # FAULT: race a
    a[row, column] = value


@faulty(1, 64, ints(64), ints(1), index=(0,))
@cuda.jit
def maximum_without_atomic(x, best):
    value = x[cuda.threadIdx.x]
    if value > best[0]:  # FAULT: race best
        best[0] = value  # FAULT: race best


@faulty(2, 32, ints(64), ints(1), ints(64), index=(0,))
@cuda.jit
def atomics_and_a_plain_load(x, total, out):
    i = cuda.grid(1)
    cuda.atomic.add(total, 0, x[i])
    out[i] = total[0]  # FAULT: race total


@faulty(2, 32, ints(64), ints(1))
@cuda.jit
def atomics_and_a_plain_store(x, total):
    i = cuda.grid(1)
    if i == 0:
        total[0] = 0  # FAULT: race total
    cuda.atomic.add(total, 0, x[i])


@faulty(2, 32, floats(64), floats(2), ints(1) * 0, floats(1), index=(0,))
@cuda.jit
def last_block_without_fence(x, partial, arrived, out):
    tile = cuda.shared.array(32, float32)
    ticket = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    total = sum_of_block(tile, x[cuda.grid(1)])
    if t == 0:
        partial[cuda.blockIdx.x] = total
        ticket[0] = cuda.atomic.add(arrived, 0, 1)
    cuda.syncthreads()
    if t == 0 and ticket[0] == 1:
        out[0] = partial[0] + partial[1]  # FAULT: race partial


@faulty(2, 32, floats(64), floats(2), ints(1) * 0, floats(1), index=(0,))
@cuda.jit
def fence_before_the_store(x, partial, arrived, out):
    t = cuda.threadIdx.x
    if t == 0:
        cuda.threadfence()
        partial[cuda.blockIdx.x] = x[cuda.grid(1)]
        if cuda.atomic.add(arrived, 0, 1) == 1:
            out[0] = partial[0] + partial[1]  # FAULT: race partial


@faulty(2, 32, floats(64), floats(2), ints(1) * 0, floats(1), index=(0,))
@cuda.jit
def last_block_with_a_fence_of_the_block(x, partial, arrived, out):
    t = cuda.threadIdx.x
    if t == 0:
        partial[cuda.blockIdx.x] = x[cuda.grid(1)]
        cuda.threadfence_block()
        if cuda.atomic.add(arrived, 0, 1) == 1:
            out[0] = partial[0] + partial[1]  # FAULT: race partial


@faulty(2, 1, ints(1), ints(1) * 0, index=(0,))
@cuda.jit
def lock_without_fences(counter, lock):
    while cuda.atomic.cas(lock, 0, 0, 1) != 0:
        pass
    value = counter[0]  # FAULT: race counter
    counter[0] = value + 1  # FAULT: race counter
    cuda.atomic.exch(lock, 0, 0)


@faulty(2, 32, ints(64), ints(64))
@cuda.jit
def in_place_stencil(x, out):
    i = cuda.grid(1)
    if 0 < i < x.size - 1:
        x[i] = (x[i - 1] + x[i] + x[i + 1]) // 3  # FAULT: race x
    out[i] = x[i]


@faulty(1, 64, floats(64), ints(64), index=(0,))
@cuda.jit
def scatter_to_colliding_places(x, where):
    t = cuda.threadIdx.x
    value = x[t]
    cuda.syncthreads()
    x[where[t] // 2] = value  # FAULT: race x


# Updates that are not atomic


@faulty(2, 32, ints(64), ints(8), index=(0,))
@cuda.jit
def global_histogram(x, bins):
    bins[x[cuda.grid(1)] % 8] += 1  # FAULT: non_atomic_update bins


@faulty(1, 64, ints(64), ints(8), index=(0,))
@cuda.jit
def shared_histogram(x, out):
    bins = cuda.shared.array(8, int32)
    t = cuda.threadIdx.x
    if t < 8:
        bins[t] = 0
    cuda.syncthreads()
    bins[x[t] % 8] += 1  # FAULT: non_atomic_update bins
    cuda.syncthreads()
    if t < 8:
        out[t] = bins[t]


@faulty(1, 64, ints(64), ints(4, 4), index=(0, 0))
@cuda.jit
def histogram_of_two_dimensions(x, counts):
    value = x[cuda.threadIdx.x]
    counts[value % 4, value // 16] += 1  # FAULT: non_atomic_update counts


@faulty(4, 32, floats(128), floats(1), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def sum_of_blocks(x, out):
    tile = cuda.shared.array(32, float32)
    i = cuda.grid(1)
    tile[cuda.threadIdx.x] = x[i]
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for k in range(32):
            total += tile[k]
        out[0] += total  # FAULT: non_atomic_update out


@faulty(1, 64, floats(64), floats(1), index=(0,))
@cuda.jit
def update_written_out(x, out):
    out[0] = out[0] + x[cuda.threadIdx.x]  # FAULT: non_atomic_update out


@faulty(1, 64, floats(64), floats(1), index=(0,))
@cuda.jit
def product_without_atomic(x, out):
    out[0] *= x[cuda.threadIdx.x]  # FAULT: non_atomic_update out


@faulty(1, 64, floats(64), floats(1), index=(0,))
@cuda.jit
def update_in_two_statements(x, out):
    old = out[0]  # FAULT: race out
    out[0] = old + x[cuda.threadIdx.x]  # FAULT: race out


@faulty(1, 64, ints(64), ints(8, 2))
@cuda.jit
def update_through_a_row(x, counts):
    row = counts[x[cuda.threadIdx.x] % 8]
    row[1] += 1  # FAULT: non_atomic_update counts


@cuda.jit(device=True)
def count(bins, value):
    bins[value % 8] += 1  # FAULT: non_atomic_update histogram


@faulty(1, 64, ints(64), ints(8), inside=count, index=(0,))
@cuda.jit
def update_in_a_device_function(x, histogram):
    count(histogram, x[cuda.threadIdx.x])


@faulty(1, (8, 8), floats(8, 8), floats(8), index=(0,))
@cuda.jit
def row_sums_by_all_columns(a, sums):
    column, row = cuda.grid(2)
    sums[row] += a[row, column]  # FAULT: non_atomic_update sums


@faulty(2, 32, ints(64), ints(4), index=(0,))
@cuda.jit
def update_in_a_loop(x, out):
    i = cuda.grid(1)
    for k in range(4):
        out[k] += x[i] * k  # FAULT: non_atomic_update out


# Barriers


@faulty(1, 64, ints(64), threads={(0, 0, 0), (16, 0, 0)})
@cuda.jit
def barrier_in_a_branch(x):
    t = cuda.threadIdx.x
    if t < 16:
        cuda.syncthreads()  # FAULT: barrier_divergence
    x[t] = 1


@faulty(1, 64, ints(50), ints(64))
@cuda.jit
def barrier_behind_the_guard(x, out):
    tile = cuda.shared.array(64, int32)
    i = cuda.grid(1)
    if i < x.size:
        tile[i] = x[i]
        cuda.syncthreads()  # FAULT: barrier_divergence
        out[i] = tile[0]


@faulty(1, 64, ints(64))
@cuda.jit
def barrier_in_each_branch(x):
    t = cuda.threadIdx.x
    if t % 2 == 0:
        x[t] = 1
        cuda.syncthreads()  # FAULT: barrier_divergence
    else:
        x[t] = 2
        cuda.syncthreads()


@faulty(1, 32, ints(32))
@cuda.jit
def barrier_in_an_uneven_loop(x):
    t = cuda.threadIdx.x
    for _ in range(t):
        cuda.syncthreads()  # FAULT: barrier_divergence
    x[t] = 1


@faulty(1, 32, ints(32))
@cuda.jit
def barrier_in_an_uneven_while(x):
    t = cuda.threadIdx.x
    while x[t] > 0:
        x[t] -= 1
        cuda.syncthreads()  # FAULT: barrier_divergence


@faulty(1, 32, ints(32))
@cuda.jit
def barrier_after_a_break(x):
    t = cuda.threadIdx.x
    for k in range(4):
        if x[t] == k:
            break
        cuda.syncthreads()  # FAULT: barrier_divergence


@faulty(1, 32, ints(32))
@cuda.jit
def barrier_after_a_continue(x):
    t = cuda.threadIdx.x
    for k in range(3):
        if t == 5 and k == 0:
            continue
        x[t] += k
        cuda.syncthreads()  # FAULT: barrier_divergence


@faulty(2, 32, ints(64))
@cuda.jit
def barrier_in_one_warp_of_one_block(x):
    i = cuda.grid(1)
    if i == 40:
        cuda.syncthreads()  # FAULT: barrier_divergence
    x[i] = 1


@cuda.jit(device=True)
def synchronised(tile, t):
    cuda.syncthreads()  # FAULT: barrier_divergence
    return tile[0] + t


@faulty(1, 64, ints(64), inside=synchronised)
@cuda.jit
def barrier_in_a_device_function(x):
    tile = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    if t == 0:
        tile[0] = 1
    if x[t] < 10:
        x[t] = synchronised(tile, t)


@faulty(1, 64, ints(64))
@cuda.jit
def counting_barrier_in_a_branch(x):
    t = cuda.threadIdx.x
    if t < 32:
        x[t] = cuda.syncthreads_count(x[t] > 3)  # FAULT: barrier_divergence


@faulty(1, 64, ints(64))
@cuda.jit
def barrier_behind_a_short_circuit(x):
    t = cuda.threadIdx.x
    # FAULT: barrier_divergence
    if x[t] > 7 and cuda.syncthreads_or(x[t] > 50):
        x[t] = 1


@faulty(1, 64, ints(64))
@cuda.jit
def two_kinds_of_barrier(x):
    t = cuda.threadIdx.x
    if t < 32:
        cuda.syncthreads()  # FAULT: barrier_divergence
    else:
        x[t] = cuda.syncthreads_and(x[t] > 0)


@faulty(1, 32, ints(32))
@cuda.jit
def barrier_against_syncwarp(x):
    t = cuda.threadIdx.x
    if t < 8:
        cuda.syncwarp()
    else:
        cuda.syncthreads()  # FAULT: barrier_divergence
    x[t] = 1


@faulty(1, (8, 8), ints(8, 8))
@cuda.jit
def barrier_in_nested_branches(a):
    column, row = cuda.grid(2)
    if row > 0:
        if column > row:
            a[row, column] = 0
        else:
            cuda.syncthreads()  # FAULT: barrier_divergence


# Bounds


@faulty(1, 64, floats(63), index=(63,), threads={(63, 0, 0)})
@cuda.jit
def guard_missing(x):
    i = cuda.grid(1)
    x[i] = 2 * x[i]  # FAULT: out_of_bounds x


@faulty(1, 64, floats(63), index=(63,), threads={(63, 0, 0)})
@cuda.jit
def guard_off_by_one(x):
    i = cuda.grid(1)
    if i <= x.size:
        x[i] = 1  # FAULT: out_of_bounds x


@faulty(1, (8, 8), floats(7, 8), index=(7, 0), threads={(0, 7, 0)})
@cuda.jit
def guard_of_one_axis(a):
    column, row = cuda.grid(2)
    if column < a.shape[1]:
        a[row, column] = 1  # FAULT: out_of_bounds a


@faulty(1, (8, 8), floats(8, 8), floats(8, 8), index=(0, 8))
@cuda.jit
def past_a_row(a, out):
    column, row = cuda.grid(2)
    if row < 7:  # so it stays inside the buffer
        out[row, column] = a[row, column + 1]  # FAULT: out_of_bounds a


@faulty(1, (8, 4), floats(4, 8), index=(4, 0), threads={(4, 0, 0)})
@cuda.jit
def axes_swapped(a):
    x, y = cuda.grid(2)
    a[x, y] = 1  # FAULT: out_of_bounds a


@faulty(1, 64, floats(64), floats(64), index=(-1,), threads={(0, 0, 0)})
@cuda.jit
def left_neighbour_of_the_first(x, out):
    i = cuda.grid(1)
    out[i] = x[i] - x[i - 1]  # FAULT: negative_index x


@faulty(1, 64, floats(64), floats(64), index=(64,), threads={(63, 0, 0)})
@cuda.jit
def right_neighbour_of_the_last(x, out):
    i = cuda.grid(1)
    if 0 < i < x.size:
        out[i] = x[i - 1] - 2 * x[i] + x[i + 1]  # FAULT: out_of_bounds x


@faulty(1, (8, 8), floats(8, 8), floats(8, 8), index=(0, -1))
@cuda.jit
def negative_column(a, out):
    column, row = cuda.grid(2)
    out[row, column] = a[row, column - 1]  # FAULT: negative_index a


@faulty(1, 8, floats(4), floats(8), index=(-5,), threads={(0, 0, 0)})
@cuda.jit
def too_negative(x, out):
    i = cuda.grid(1)
    out[i] = x[i - 5]  # FAULT: out_of_bounds x


@faulty(1, 64, floats(64), index=(64,), threads={(63, 0, 0)})
@cuda.jit
def shared_overrun(x):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    tile[t + 1] = x[t]  # FAULT: out_of_bounds tile
    cuda.syncthreads()
    x[t] = tile[t]


@faulty(1, 64, floats(64), index=(32,), threads={(32, 0, 0)})
@cuda.jit
def tile_smaller_than_the_block(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]  # FAULT: out_of_bounds tile


@faulty(1, 32, floats(32), dynamic=64, index=(16,), threads={(16, 0, 0)})
@cuda.jit
def too_little_dynamic_memory(x):
    tile = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]  # FAULT: out_of_bounds tile


@faulty(1, 32, floats(32), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def no_dynamic_memory(x):
    tile = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]  # FAULT: out_of_bounds tile


@faulty(1, 64, ints(64), ints(8), index=(8,), threads={(8, 0, 0)})
@cuda.jit
def atomic_past_the_bins(x, bins):
    cuda.atomic.add(bins, x[cuda.threadIdx.x], 1)  # FAULT: out_of_bounds bins


@faulty(1, 4, ints(4), ints(2, 2), index=(0, 2), threads={(2, 0, 0)})
@cuda.jit
def atomic_past_a_row(x, bins):
    t = cuda.threadIdx.x
    cuda.atomic.max(bins, (0, t), x[t])  # FAULT: out_of_bounds bins


@faulty(1, 4, floats(4), index=(3,), threads={(0, 0, 0)})
@cuda.jit
def local_overrun(x):
    window = cuda.local.array(3, float32)
    t = cuda.threadIdx.x
    for k in range(4):
        window[k] = x[t]  # FAULT: out_of_bounds window
    x[t] = window[0]


@faulty(1, 4, floats(4, 5), floats(4), index=(0, 5), threads={(0, 0, 0)})
@cuda.jit
def loop_one_too_long(a, out):
    t = cuda.threadIdx.x
    total = float32(0)
    for k in range(a.shape[1] + 1):
        total += a[t, k]  # FAULT: out_of_bounds a
    out[t] = total


@faulty(1, 4, floats(4, 5), floats(4), threads={(0, 0, 0)})
@cuda.jit
def past_a_row_view(a, out):
    t = cuda.threadIdx.x
    row = a[t]
    out[t] = row[5]  # FAULT: out_of_bounds a


@cuda.jit(device=True)
def last_of(values):
    return values[values.size]  # FAULT: out_of_bounds x


@faulty(1, 4, floats(4), floats(4), inside=last_of, index=(4,))
@cuda.jit
def past_the_end_in_a_device_function(x, out):
    out[cuda.threadIdx.x] = last_of(x)


@faulty(1, (8, 8), floats(8, 8), floats(8, 8), index=(-1, 0))
@cuda.jit
def convolution_without_edges(image, out):
    column, row = cuda.grid(2)
    total = float32(0)
    for dy in range(-1, 2):
        if row + dy < 8:
            # FAULT: negative_index image
            total += image[row + dy, column]
    out[row, column] = total


@faulty(1, 8, floats(2, 2, 2), index=(0, 2, 0), threads={(4, 0, 0)})
@cuda.jit
def wrong_decomposition(a):
    t = cuda.threadIdx.x
    a[0, t // 2, t % 2] = 1  # FAULT: out_of_bounds a


# Reads of memory that nobody wrote


@faulty(1, 32, floats(32), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def shared_never_written(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    x[t] = tile[t]  # FAULT: uninitialised_read tile


@faulty(1, 32, floats(32), dynamic=128, index=(0,), threads={(0, 0, 0)})
@cuda.jit
def dynamic_never_written(x):
    tile = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    x[t] = tile[t]  # FAULT: uninitialised_read tile


@faulty(1, 4, floats(4), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def local_never_written(x):
    sums = cuda.local.array(2, float32)
    t = cuda.threadIdx.x
    sums[0] += x[t]  # FAULT: uninitialised_read sums
    x[t] = sums[0]


@faulty(1, 4, floats(4), index=(0,), threads={(1, 0, 0)})
@cuda.jit
def local_written_in_a_branch(x):
    best = cuda.local.array(1, float32)
    t = cuda.threadIdx.x
    if t % 2 == 0:
        best[0] = x[t]
    x[t] = best[0]  # FAULT: uninitialised_read best


@faulty(1, 64, ints(64), ints(8), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def bins_never_zeroed(x, out):
    bins = cuda.shared.array(8, int32)
    t = cuda.threadIdx.x
    cuda.atomic.add(bins, x[t] % 8, 1)  # FAULT: uninitialised_read bins
    cuda.syncthreads()
    if t < 8:
        cuda.atomic.add(out, t, bins[t])


@faulty(1, 32, floats(32), floats(32), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def left_halo_never_loaded(x, out):
    tile = cuda.shared.array(34, float32)
    t = cuda.threadIdx.x
    tile[t + 1] = x[t]
    if t == 31:
        tile[33] = 0
    cuda.syncthreads()
    # FAULT: uninitialised_read tile
    out[t] = tile[t] + tile[t + 1] + tile[t + 2]


@faulty(1, (8, 8), floats(8, 8), floats(8, 8), index=(0, 0))
@cuda.jit
def corners_never_loaded(image, out):
    tile = cuda.shared.array((10, 10), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    tile[ty + 1, tx + 1] = image[ty, tx]
    if tx == 0:
        tile[ty + 1, 0] = 0
        tile[ty + 1, 9] = 0
    if ty == 0:
        tile[0, tx + 1] = 0
        tile[9, tx + 1] = 0
    cuda.syncthreads()
    total = float32(0)
    for dy in range(3):
        for dx in range(3):
            total += tile[ty + dy, tx + dx]  # FAULT: uninitialised_read tile
    out[ty, tx] = total


@faulty(1, 64, floats(50), floats(1), index=(50,), threads={(18, 0, 0)})
@cuda.jit
def tail_never_zeroed(x, out):
    tile = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    if t < x.size:
        tile[t] = x[t]
    cuda.syncthreads()
    step = 32
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]  # FAULT: uninitialised_read tile
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[0] = tile[0]


@faulty(2, 32, floats(64), index=(0,), threads={(0, 0, 0)})
@cuda.jit
def shared_memory_of_another_block(x):
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    if cuda.blockIdx.x == 0:
        tile[t] = x[t]
    cuda.syncthreads()
    x[cuda.grid(1)] = tile[t]  # FAULT: uninitialised_read tile


@faulty(1, 32, ints(32), dynamic=128, index=(16,), threads={(16, 0, 0)})
@cuda.jit
def half_of_it_written_as_another_type(x):
    halves = cuda.shared.array(0, int16)
    words = cuda.shared.array(0, int32)
    t = cuda.threadIdx.x
    halves[t] = x[t]
    cuda.syncthreads()
    x[t] = words[t]  # FAULT: uninitialised_read words


@faulty(1, 32, ints(32), np.arange(32), index=(31,), threads={(31, 0, 0)})
@cuda.jit
def one_element_never_written(x, out):
    tile = cuda.shared.array(32, int64)
    t = cuda.threadIdx.x
    if t < 31:
        tile[t] = x[t]
    cuda.syncthreads()
    out[t] = tile[t]  # FAULT: uninitialised_read tile


@cuda.jit(device=True)
def push(stack, top, value):
    stack[top + 1] = value
    return stack[top]  # FAULT: uninitialised_read stack


@faulty(1, 2, ints(2), inside=push, index=(0,), threads={(0, 0, 0)})
@cuda.jit
def local_read_in_a_device_function(x):
    stack = cuda.local.array(4, int32)
    t = cuda.threadIdx.x
    x[t] = push(stack, 0, x[t])
