"""Kernels run, and are traced, as they would be on a GPU."""

from pathlib import Path

import numpy as np
import pytest
from numba import float32, int32

from gpu_course import cuda


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i] + y[i]


@cuda.jit
def tiled_matmul(a, b, c):
    tile_a = cuda.shared.array((16, 16), float32)
    tile_b = cuda.shared.array((16, 16), float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], 16):
        tile_a[ty, tx] = a[row, start + tx]
        tile_b[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(16):
            total += tile_a[ty, k] * tile_b[k, tx]
        cuda.syncthreads()
    c[row, column] = total


@cuda.jit
def warp_sum(x, out):
    i = cuda.grid(1)
    value = x[i]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, value)


@cuda.jit
def no_barrier(x):
    tile = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    x[t] = tile[63 - t]


@cuda.jit
def half_a_barrier(x):
    if cuda.threadIdx.x < 16:
        cuda.syncthreads()
    x[cuda.threadIdx.x] = 1


@cuda.jit
def one_too_many(x):
    x[cuda.grid(1)] = 1


def test_axpy():
    x = np.arange(1000, dtype=np.float32)
    y = np.ones_like(x)
    axpy[8, 128](np.float32(2), x, y)
    assert np.array_equal(y, 2 * x + 1)


def test_device_arrays_are_apart_from_the_host_s():
    x = np.arange(10, dtype=np.float32)
    there = cuda.to_device(x)
    axpy[1, 32](np.float32(1), there, there)
    assert np.array_equal(x, np.arange(10))
    assert np.array_equal(there.copy_to_host(), 2 * x)


def test_tiled_matmul_and_its_counts():
    a = np.arange(1024, dtype=np.float32).reshape(32, 32) % 7
    c = np.zeros_like(a)
    tiled_matmul[(2, 2), (16, 16)](a, a, c)
    assert np.array_equal(c, a @ a)
    report = tiled_matmul.trace[(2, 2), (16, 16)](a, a, c)
    # 4 blocks of 8 warps load 2 tiles twice and store once; a half warp's
    # row of 16 floats is two sectors.
    assert report.global_requests == 4 * 8 * (2 * 2 + 1)
    assert report.global_sectors == 4 * report.global_requests
    assert report.coalescing_efficiency == 1
    assert report.max_bank_conflict == 1
    assert report.flops == 2 * 32**3
    assert not report.findings


def test_warp_shuffle_reduction():
    x = np.arange(64, dtype=np.int64)
    out = np.zeros(1, np.int64)
    warp_sum[2, 32](x, out)
    assert out[0] == x.sum()
    assert not warp_sum.trace[2, 32](x, out).findings


@pytest.mark.parametrize(
    ("kernel", "kind", "line"),
    [
        (no_barrier, "race", "x[t] = tile[63 - t]"),
        (half_a_barrier, "barrier_divergence", "cuda.syncthreads()"),
        (one_too_many, "out_of_bounds", "x[cuda.grid(1)] = 1"),
    ],
)
def test_a_bug_is_found_with_its_line(kernel, kind, line):
    x = np.zeros(63 if kind == "out_of_bounds" else 64, np.int32)
    before = x.copy()
    finding = kernel.trace[1, 64](x).findings[0]
    assert finding.kind == kind
    source = Path(__file__).read_text().splitlines()
    assert source[finding.line - 1].strip() == line
    assert np.array_equal(x, before)  # a trace changes nothing
    with pytest.raises(cuda.CheckFailed, match=kernel.__name__):
        kernel.check[1, 64](x)


def test_an_accumulator_has_the_type_that_numba_infers():
    @cuda.jit
    def mean(x, out):
        total = 0.0
        for k in range(x.size):
            total += x[k]
        out[0] = total / x.size

    x = np.full(1000, 0.1, np.float32)
    out = np.zeros(1)
    mean[1, 1](x, out)
    assert out[0] == sum(x.tolist()) / 1000  # in float64


def test_integers_wrap_at_64_bits():
    @cuda.jit
    def product(x):
        x[0] = x[0] * x[1] + 3

    x = np.array([2**62 + 1, 6])
    product[1, 1](x)
    assert x[0] == ((2**62 + 1) * 6 + 3 + 2**63) % 2**64 - 2**63


def test_what_is_outside_the_subset_is_named():
    @cuda.jit
    def comprehension(x):
        x[0] = sum([1, 2])

    with pytest.raises(
        cuda.UnsupportedKernel, match=r"a list .*for loop|a list.*local"
    ):
        comprehension[1, 1](np.zeros(1))


@pytest.mark.parametrize("block", [0, 1025, (32, 33), (1, 1, 65), "a", 1.5])
def test_a_bad_block_is_refused(block):
    with pytest.raises((ValueError, TypeError), match="threads"):
        axpy[1, block]


@cuda.jit(device=True)
def block_sum(tile, value):
    t = cuda.threadIdx.x
    tile[t] = value
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    return tile[0]


@cuda.jit
def mean_and_square(x, out):
    tile = cuda.shared.array(64, float32)
    value = x[cuda.grid(1)]
    first = block_sum(tile, value)
    cuda.syncthreads()
    second = block_sum(tile, value * value)
    if cuda.threadIdx.x == 0:
        out[0] = first
        out[1] = second


def test_device_functions_may_hold_barriers():
    x = np.arange(64, dtype=np.float32)
    out = np.zeros(2, np.float32)
    mean_and_square[1, 64](x, out)
    assert out.tolist() == [x.sum(), (x * x).sum()]
    assert not mean_and_square.trace[1, 64](x, out).findings


@cuda.jit
def old_value_of_the_block(x, out):
    t = cuda.threadIdx.x
    tile = cuda.shared.array(32, int32)
    tile[t] = x[t]
    cuda.syncthreads()
    scale = cuda.blockDim.x
    mine = tile[31 - t] * scale
    scale = scale * 0.5
    out[t] = mine + scale


@pytest.mark.parametrize("executor", ["compiled", "traced", "python"])
def test_a_block_s_variable_changes_after_it_was_read(executor, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    x = np.arange(32, dtype=np.int32)
    out = np.zeros(32)
    old_value_of_the_block[1, 32](x, out)
    assert np.array_equal(out, x[::-1] * 32 + 16)
