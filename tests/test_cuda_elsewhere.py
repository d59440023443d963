"""Kernels in the shapes that people publish: only the import is changed.

First the topics of Numba's CUDA examples, then puzzles, whose kernels are
made by functions that take `cuda`, then the language, a construct a test.
"""

import math
from enum import IntEnum
from math import pi, sqrt
from typing import NamedTuple

import numba
import numpy as np
import pytest
from numba import float32, float64, int32, int64, types, uint32

from gpu_course import cuda

RNG = np.random.default_rng(1)


def clean(kernel, grid, block, *arguments, dynamic=0):
    """Launch a kernel; first trace it and assert that it has no fault."""
    configuration = (grid, block, 0, dynamic)
    assert kernel.trace[configuration](*arguments).findings == []
    kernel[configuration](*arguments)


# The topics of Numba's documentation


def test_vector_addition():
    @cuda.jit
    def f(a, b, c):
        # like threadIdx.x + (blockIdx.x * blockDim.x)
        tid = cuda.grid(1)
        size = len(c)

        if tid < size:
            c[tid] = a[tid] + b[tid]

    n = 1000
    a = cuda.to_device(RNG.random(n))
    b = cuda.to_device(RNG.random(n))
    c = cuda.device_array_like(a)
    f.forall(len(a))(a, b, c)
    expected = a.copy_to_host() + b.copy_to_host()
    assert np.array_equal(c.copy_to_host(), expected)
    nthreads = 256
    nblocks = (len(a) // nthreads) + 1
    f[nblocks, nthreads](b, b, c)
    assert np.array_equal(c.copy_to_host(), 2 * b.copy_to_host())


def test_heat_equation():
    size, plot_every, num_steps = 65, 10, 20

    @cuda.jit
    def solve_heat_equation(buf_0, buf_1, timesteps, k):
        i = cuda.grid(1)

        # Don't continue if our index is outside the domain
        if i >= len(buf_0):
            return

        # Prepare to do a grid-wide synchronization later
        grid = cuda.cg.this_grid()

        for step in range(timesteps):
            # Select the buffer from the previous timestep
            if (step % 2) == 0:
                data = buf_0
                next_data = buf_1
            else:
                data = buf_1
                next_data = buf_0

            # Get the current temperature associated with this point
            curr_temp = data[i]

            # Apply formula from finite difference equation
            if i == 0:
                # Left wall is held at T = 0
                next_temp = curr_temp + k * (data[i + 1] - (2 * curr_temp))
            elif i == len(data) - 1:
                # Right wall is held at T = 0
                next_temp = curr_temp + k * (data[i - 1] - (2 * curr_temp))
            else:
                # Interior points are a weighted average of their neighbors
                next_temp = curr_temp + k * (
                    data[i - 1] - (2 * curr_temp) + data[i + 1]
                )

            # Write new value to the next timestep
            next_data[i] = next_temp

            # Wait for every thread to write before moving on
            grid.sync()

    data = np.zeros(size)
    data[size // 2] = 10000
    buf_0 = cuda.to_device(data)
    buf_1 = cuda.device_array_like(buf_0)
    report = solve_heat_equation.trace[3, 32](buf_0, buf_1, 3, 0.25)
    assert report.findings == []
    for _ in range(0, num_steps, plot_every):
        solve_heat_equation.forall(len(data))(buf_0, buf_1, plot_every, 0.25)
    for _ in range(num_steps):
        padded = np.pad(data, 1)
        data = data + 0.25 * (padded[:-2] - 2 * data + padded[2:])
    np.testing.assert_allclose(buf_0.copy_to_host(), data)


def test_laplace_with_two_kernels():
    @cuda.jit
    def jacobi_relax_core(a, a_new, error):
        err_sm = cuda.shared.array((8, 8), dtype=float64)

        ty = cuda.threadIdx.x
        tx = cuda.threadIdx.y
        bx = cuda.blockIdx.x
        by = cuda.blockIdx.y

        n = a.shape[0]
        m = a.shape[1]

        i, j = cuda.grid(2)

        err_sm[ty, tx] = 0
        if j >= 1 and j < n - 1 and i >= 1 and i < m - 1:
            a_new[j, i] = 0.25 * (
                a[j, i + 1] + a[j, i - 1] + a[j - 1, i] + a[j + 1, i]
            )
            err_sm[ty, tx] = a_new[j, i] - a[j, i]

        cuda.syncthreads()

        t = 8 // 2
        while t > 0:
            if ty < t and err_sm[ty, tx] < err_sm[ty + t, tx]:
                err_sm[ty, tx] = err_sm[ty + t, tx]
            cuda.syncthreads()
            t //= 2

        # max reduce horizontally
        t = 8 // 2
        while t > 0:
            if tx < t and ty == 0 and err_sm[ty, tx] < err_sm[ty, tx + t]:
                err_sm[ty, tx] = err_sm[ty, tx + t]
            cuda.syncthreads()
            t //= 2

        if tx == 0 and ty == 0:
            error[bx, by] = err_sm[0, 0]

    a = np.zeros((16, 16))
    a[:, 0] = 1.0
    a_new = a.copy()
    error = np.zeros((2, 2))
    clean(jacobi_relax_core, (2, 2), (8, 8), a, a_new, error)
    inner = 0.25 * (a[1:-1, 2:] + a[1:-1, :-2] + a[:-2, 1:-1] + a[2:, 1:-1])
    assert np.array_equal(a_new[1:-1, 1:-1], inner)
    assert error.max() == np.abs(a_new - a).max()


def test_shared_memory_reduction():
    nelem = 256

    @cuda.jit
    def array_sum(data):
        tid = cuda.threadIdx.x
        size = len(data)
        if tid < size:
            i = cuda.grid(1)

            # Declare an array in shared memory
            shr = cuda.shared.array(nelem, int32)
            shr[tid] = data[i]

            # Ensure writes to shared memory are visible
            # to all threads before reducing
            cuda.syncthreads()

            s = 1
            while s < cuda.blockDim.x:
                if tid % (2 * s) == 0:
                    # Stride by `s` and add
                    shr[tid] += shr[tid + s]
                s *= 2
                cuda.syncthreads()

            # After the loop, the zeroth  element contains the sum
            if tid == 0:
                data[tid] = shr[tid]

    a = cuda.to_device(np.arange(nelem))
    assert array_sum.trace[1, nelem](a).findings == []
    array_sum[1, nelem](a)
    assert a[0] == sum(np.arange(nelem))


def test_monte_carlo_integration():
    from gpu_course.cuda.random import (
        create_xoroshiro128p_states,
        xoroshiro128p_uniform_float32,
    )

    @numba.njit
    def func(x):
        return 1.0 / x

    @cuda.jit
    def mc_integrator_kernel(out, rng_states, lower_lim, upper_lim):
        """
        kernel to draw random samples and evaluate the function to
        be integrated at those sample values
        """
        size = len(out)

        gid = cuda.grid(1)
        if gid < size:
            # draw a sample between 0 and 1 on this thread
            samp = xoroshiro128p_uniform_float32(rng_states, gid)

            # normalize this sample to the limit range
            samp = samp * (upper_lim - lower_lim) + lower_lim

            # evaluate the function to be
            # integrated at the normalized value of the sample
            y = func(samp)
            out[gid] = y

    def mc_integrate(lower_lim, upper_lim, nsamps):
        """Approximate the definite integral of `func`."""
        out = cuda.to_device(np.zeros(nsamps, dtype="float32"))
        rng_states = create_xoroshiro128p_states(nsamps, seed=42)
        # jit the function for use in CUDA kernels
        mc_integrator_kernel.forall(nsamps)(
            out, rng_states, lower_lim, upper_lim
        )
        # normalization factor to convert
        # to the average: (b - a)/(N - 1)
        factor = (upper_lim - lower_lim) / (nsamps - 1)
        return out.copy_to_host().sum() * factor

    assert mc_integrate(1, 2, 4096) == pytest.approx(math.log(2), abs=0.01)


def test_estimate_of_pi_with_random_states():
    from gpu_course.cuda.random import (
        create_xoroshiro128p_states,
        xoroshiro128p_uniform_float64,
    )

    @cuda.jit
    def compute_pi(rng_states, iterations, out):
        """Find the maximum value in values and store in result[0]"""
        thread_id = cuda.grid(1)

        # Compute pi by drawing random (x, y) points and finding what
        # fraction lie inside a unit circle
        inside = 0
        for i in range(iterations):  # noqa: B007
            x = xoroshiro128p_uniform_float64(rng_states, thread_id)
            y = xoroshiro128p_uniform_float64(rng_states, thread_id)
            if x**2 + y**2 <= 1.0:
                inside += 1

        out[thread_id] = 4.0 * inside / iterations

    threads_per_block = 64
    blocks = 4
    rng_states = create_xoroshiro128p_states(
        threads_per_block * blocks, seed=1
    )
    out = np.zeros(threads_per_block * blocks, dtype=np.float32)
    compute_pi[blocks, threads_per_block](rng_states, 50, out)
    assert out.mean() == pytest.approx(math.pi, abs=0.1)


@cuda.jit
def matmul(A, B, C):  # noqa: N803
    """Perform square matrix multiplication of C = A * B."""
    i, j = cuda.grid(2)
    if i < C.shape[0] and j < C.shape[1]:
        tmp = 0.0
        for k in range(A.shape[1]):
            tmp += A[i, k] * B[k, j]
        C[i, j] = tmp


TPB = 8


@cuda.jit
def fast_matmul(A, B, C):  # noqa: N803
    """
    Perform matrix multiplication of C = A * B using CUDA shared memory.
    """
    # Define an array in the shared memory
    # The size and type of the arrays must be known at compile time
    sA = cuda.shared.array(shape=(TPB, TPB), dtype=float32)
    sB = cuda.shared.array(shape=(TPB, TPB), dtype=float32)

    x, y = cuda.grid(2)

    tx = cuda.threadIdx.x
    ty = cuda.threadIdx.y
    bpg = cuda.gridDim.x  # blocks per grid

    # Each thread computes one element in the result matrix.
    # The dot product is chunked into dot products of TPB-long vectors.
    tmp = float32(0.0)
    for i in range(bpg):
        # Preload data into shared memory
        sA[ty, tx] = 0
        sB[ty, tx] = 0
        if y < A.shape[0] and (tx + i * TPB) < A.shape[1]:
            sA[ty, tx] = A[y, tx + i * TPB]
        if x < B.shape[1] and (ty + i * TPB) < B.shape[0]:
            sB[ty, tx] = B[ty + i * TPB, x]

        # Wait until all threads finish preloading
        cuda.syncthreads()

        # Computes partial product on the shared memory
        for j in range(TPB):
            tmp += sA[ty, j] * sB[j, tx]

        # Wait until all threads finish computing
        cuda.syncthreads()
    if y < C.shape[0] and x < C.shape[1]:
        C[y, x] = tmp


@pytest.mark.parametrize("kernel", [matmul, fast_matmul])
@pytest.mark.parametrize("shape", [(16, 16, 16), (10, 23, 7)])
def test_matmul(kernel, shape):
    n, k, m = shape
    x = np.arange(n * k, dtype=np.float64).reshape(n, k) % 10
    y = np.ones((k, m))
    z = np.zeros((n, m))
    side = math.ceil(max(shape) / TPB)
    clean(kernel, (side, side), (TPB, TPB), x, y, z)
    assert np.array_equal(z, x @ y)


def test_sessions_of_clicks():
    @cuda.jit
    def sessionize(user_id, timestamp, results, session_timeout):
        gid = cuda.grid(1)
        size = len(user_id)

        if gid >= size:
            return

        # Determine session boundaries
        is_first_datapoint = gid == 0
        if not is_first_datapoint:
            new_user = user_id[gid] != user_id[gid - 1]
            timed_out = timestamp[gid] - timestamp[gid - 1] > session_timeout
            is_sess_boundary = new_user or timed_out
        else:
            is_sess_boundary = True

        # Determine session labels
        if is_sess_boundary:
            # This thread marks the start of a session
            results[gid] = gid

            # Make sure all session boundaries are written
            # before populating the session id
            grid = cuda.cg.this_grid()
            grid.sync()

            look_ahead = 1
            # Check elements 'forward' of this one
            # until a new session boundary is found
            while results[gid + look_ahead] == 0:
                results[gid + look_ahead] = gid
                look_ahead += 1
                # Avoid out-of-bounds accesses by the last thread
                if gid + look_ahead == size - 1:
                    results[gid + look_ahead] = gid
                    break

    ids = np.array([1, 1, 1, 2, 2, 2, 2, 3, 3, 3], np.int32)
    seconds = np.array([1, 2, 900, 3, 4, 5, 6, 7, 8, 9], np.int64)
    results = np.zeros(len(ids), np.int32)
    sessionize[1, 32](ids, seconds, results, 100)
    assert results.tolist() == [0, 0, 2, 3, 3, 3, 3, 7, 7, 7]


def test_a_function_for_the_cpu_and_the_gpu():
    @numba.jit
    def business_logic(x, y, z):
        return 4 * z * (2 * x - (4 * y) / 2 * pi)

    @cuda.jit
    def f(res, xarr, yarr, zarr):
        tid = cuda.grid(1)
        if tid < len(xarr):
            # The function decorated with numba.jit may be directly reused
            res[tid] = business_logic(xarr[tid], yarr[tid], zarr[tid])

    x = np.array([1, 10, 234], dtype=np.float64)
    y = np.array([2, 2, 4014], dtype=np.float64)
    z = np.array([3, 14, 2211], dtype=np.float64)
    r = np.zeros(3)
    clean(f, 1, 32, r, x, y, z)
    assert np.array_equal(
        r, [business_logic(*v) for v in np.stack([x, y, z], 1)]
    )


def test_a_ufunc_on_arrays():
    @cuda.jit
    def f(r, x):
        # Compute sin(x) with result written to r
        np.sin(x, r)

    x = np.arange(10, dtype=np.float32) - 5
    r = np.zeros_like(x)
    f[1, 1](r, x)
    np.testing.assert_allclose(r, np.sin(x), rtol=1e-6)


def test_ufuncs_on_numbers():
    @cuda.jit
    def f(r, x):
        i = cuda.grid(1)
        if i < x.size:
            r[i] = np.sqrt(x[i]) + np.exp(x[i]) * np.maximum(x[i], 2)

    x = RNG.random(20)
    r = np.zeros_like(x)
    clean(f, 1, 32, r, x)
    np.testing.assert_allclose(r, np.sqrt(x) + np.exp(x) * 2)


@cuda.jit
def increment_by_one(an_array):
    # Thread id in a 1D block
    tx = cuda.threadIdx.x
    # Block id in a 1D grid
    ty = cuda.blockIdx.x
    # Block width, i.e. number of threads per block
    bw = cuda.blockDim.x
    # Compute flattened index inside the array
    pos = tx + ty * bw
    if pos < an_array.size:  # Check array boundaries
        an_array[pos] += 1


@cuda.jit
def increment_a_2D_array(an_array):  # noqa: N802
    x, y = cuda.grid(2)
    if x < an_array.shape[0] and y < an_array.shape[1]:
        an_array[x, y] += 1


def test_increment():
    line, plane = np.zeros(100), np.zeros((10, 20))
    threadsperblock = 32
    blockspergrid = (line.size + (threadsperblock - 1)) // threadsperblock
    clean(increment_by_one, blockspergrid, threadsperblock, line)
    assert (line == 1).all()
    threadsperblock = (16, 16)
    blockspergrid_x = math.ceil(plane.shape[0] / threadsperblock[0])
    blockspergrid_y = math.ceil(plane.shape[1] / threadsperblock[1])
    blockspergrid = (blockspergrid_x, blockspergrid_y)
    clean(increment_a_2D_array, blockspergrid, threadsperblock, plane)
    assert (plane == 1).all()


def test_maximum_by_atomics():
    @cuda.jit
    def max_example(result, values):
        """Find the maximum value in values and store in result[0]"""
        tid = cuda.threadIdx.x
        bid = cuda.blockIdx.x
        bdim = cuda.blockDim.x
        i = (bid * bdim) + tid
        cuda.atomic.max(result, 0, values[i])

    arr = RNG.random(512)
    result = np.zeros(1, dtype=np.float64)
    clean(max_example, 16, 32, result, arr)
    assert result[0] == max(arr)


def test_atomics_of_several_dimensions():
    @cuda.jit
    def max_example_3d(result, values):
        """
        Find the maximum value in values and store in result[0].
        Both result and values are 3d arrays.
        """
        i, j, k = cuda.grid(3)
        # Atomically store to result[0,1,2] from values[i, j, k]
        cuda.atomic.max(result, (0, 1, 2), values[i, j, k])

    arr = RNG.random(64).reshape(4, 4, 4)
    result = np.zeros((3, 3, 3), dtype=np.float64)
    clean(max_example_3d, (2, 2, 2), (2, 2, 2), result, arr)
    assert result[0, 1, 2] == np.max(arr)


def test_one_device_function_from_another():
    @cuda.jit(device=True)
    def a_device_function(a, b):
        return a + b

    @cuda.jit(device=True, inline=True)
    def b_device_function(a, b):
        return a_device_function(a, b) * 2

    @cuda.jit
    def kernel(x, y, out):
        i = cuda.grid(1)
        out[i] = b_device_function(x[i], y[i])

    x, y, out = RNG.random((3, 32))
    clean(kernel, 1, 32, x, y, out)
    assert np.array_equal(out, (x + y) * 2)


def test_a_lone_jit_function_is_a_device_function_too():
    @cuda.jit
    def double(x):
        return 2 * x

    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        x[i] = double(x[i])

    x = np.arange(8.0)
    kernel[1, 8](x)
    assert np.array_equal(x, 2 * np.arange(8))


def test_polynomial():
    # The coefficients are a global tuple, the loop runs over it.
    coefficients = (3.0, -1.0, 2.0, 5.0)

    @cuda.jit
    def horner(x, y):
        i = cuda.grid(1)
        if i < x.size:
            value = 0.0
            for c in coefficients:
                value = value * x[i] + c
            y[i] = value

    x = RNG.random(50)
    y = np.zeros_like(x)
    clean(horner, 2, 32, x, y)
    np.testing.assert_allclose(y, np.polyval(coefficients, x))


def test_rows_one_after_the_other():
    sig = (int32[:, ::1],)

    @cuda.jit(sig)
    def sequential_rows(M):  # noqa: N803
        col = cuda.grid(1)
        g = cuda.cg.this_grid()

        rows = M.shape[0]
        cols = M.shape[1]

        for row in range(1, rows):
            opposite = cols - col - 1
            # Each row's elements are one greater than the previous row
            M[row, col] = M[row - 1, opposite] + 1
            # Wait until all threads have written their column element,
            # and that the write is visible to all other threads
            g.sync()

    A = np.zeros((8, 64), dtype=np.int32)
    clean(sequential_rows, 2, 32, A)
    assert np.array_equal(A, np.tile(np.arange(8), (64, 1)).T)


# Puzzles: a function of `cuda` returns the kernel


def map_test(cuda):
    def call(out, a) -> None:
        local_i = cuda.threadIdx.x
        out[local_i] = a[local_i] + 10

    return call


def zip_test(cuda):
    def call(out, a, b) -> None:
        local_i = cuda.threadIdx.x
        out[local_i] = a[local_i] + b[local_i]

    return call


def map_guard_test(cuda):
    def call(out, a, size) -> None:
        local_i = cuda.threadIdx.x
        if local_i < size:
            out[local_i] = a[local_i] + 10

    return call


def map_2D_test(cuda):  # noqa: N802
    def call(out, a, size) -> None:
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        if local_i < size and local_j < size:
            out[local_i, local_j] = a[local_i, local_j] + 10

    return call


def broadcast_test(cuda):
    def call(out, a, b, size) -> None:
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        if local_i < size and local_j < size:
            out[local_i, local_j] = a[local_i, 0] + b[0, local_j]

    return call


def map_block_test(cuda):
    def call(out, a, size) -> None:
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < size:
            out[i] = a[i] + 10

    return call


def map_block2D_test(cuda):  # noqa: N802
    def call(out, a, size) -> None:
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
        if i < size and j < size:
            out[i, j] = a[i, j] + 10

    return call


PUZZLE_TPB = 8
PUZZLE_CONV = 4


def shared_test(cuda):
    def call(out, a, size) -> None:
        shared = cuda.shared.array(PUZZLE_TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x

        if i < size:
            shared[local_i] = a[i]
            cuda.syncthreads()
            out[i] = shared[local_i] + 10

    return call


def pool_test(cuda):
    def call(out, a, size) -> None:
        shared = cuda.shared.array(PUZZLE_TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            shared[local_i] = a[i]
        cuda.syncthreads()
        if i < size:
            total = 0.0
            for j in range(3):
                if local_i - j >= 0:
                    total += shared[local_i - j]
            out[i] = total

    return call


def dot_test(cuda):
    def call(out, a, b, size) -> None:
        shared = cuda.shared.array(PUZZLE_TPB, numba.float32)

        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            shared[local_i] = a[i] * b[i]
        cuda.syncthreads()
        if local_i == 0:
            t = 0.0
            for k in range(size):
                t += shared[k]
            out[0] = t

    return call


def conv_test(cuda):
    def call(out, a, b, a_size, b_size) -> None:
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        shared_a = cuda.shared.array(PUZZLE_TPB + PUZZLE_CONV, numba.float32)
        shared_b = cuda.shared.array(PUZZLE_CONV, numba.float32)
        if i < a_size:
            shared_a[local_i] = a[i]
        if local_i < b_size:
            shared_b[local_i] = b[local_i]
        else:
            local_i2 = local_i - b_size
            i2 = i - b_size
            if i2 + PUZZLE_TPB < a_size and local_i2 < b_size:
                shared_a[PUZZLE_TPB + local_i2] = a[i2 + PUZZLE_TPB]
        cuda.syncthreads()
        acc = 0
        for k in range(b_size):
            if i + k < a_size:
                acc += shared_a[local_i + k] * shared_b[k]
        if i < a_size:
            out[i] = acc

    return call


def sum_test(cuda):
    def call(out, a, size: int) -> None:
        cache = cuda.shared.array(PUZZLE_TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        if i < size:
            cache[local_i] = a[i]
        else:
            cache[local_i] = 0
        cuda.syncthreads()
        for k in range(3):
            p = 2**k
            if local_i % (p * 2) == 0:
                cache[local_i] = cache[local_i] + cache[local_i + p]
            cuda.syncthreads()
        if local_i == 0:
            out[cuda.blockIdx.x] = cache[local_i]

    return call


def axis_sum_test(cuda):
    def call(out, a, size: int) -> None:
        cache = cuda.shared.array(PUZZLE_TPB, numba.float32)
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        local_i = cuda.threadIdx.x
        batch = cuda.blockIdx.y
        cache[local_i] = 0
        if i < size:
            cache[local_i] = a[batch, i]
        cuda.syncthreads()
        k = 0
        while 2**k < PUZZLE_TPB:
            p = 2 ** (k + 1)
            if local_i % p == 0:
                cache[local_i] += cache[local_i + p // 2]
            cuda.syncthreads()
            k += 1
        if local_i == 0:
            out[batch, 0] = cache[0]

    return call


def mm_oneblock_test(cuda):
    def call(out, a, b, size: int) -> None:
        a_shared = cuda.shared.array((3, 3), numba.float32)
        b_shared = cuda.shared.array((3, 3), numba.float32)

        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        j = cuda.blockIdx.y * cuda.blockDim.y + cuda.threadIdx.y
        local_i = cuda.threadIdx.x
        local_j = cuda.threadIdx.y
        acc = 0
        for k in range(0, size, 3):
            if i < size and k + local_j < size:
                a_shared[local_i, local_j] = a[i, k + local_j]
            if j < size and k + local_i < size:
                b_shared[local_i, local_j] = b[k + local_i, j]
            cuda.syncthreads()
            if i < size and j < size:
                for local_k in range(min(3, size - k)):
                    acc += (
                        a_shared[local_i, local_k] * b_shared[local_k, local_j]
                    )
            cuda.syncthreads()
        if i < size and j < size:
            out[i, j] = acc

    return call


def prefix_oracle(a):
    totals = np.zeros(2, np.float32)
    for k, part in enumerate(np.array_split(a, [8])):
        totals[k] = part.sum()
    return totals


A = np.arange(8, dtype=np.float32)
LONG = np.arange(15, dtype=np.float32)
TWO = np.arange(4, dtype=np.float32).reshape(2, 2)
FIVE = np.arange(25, dtype=np.float32).reshape(5, 5)
WEIGHTS = np.arange(4, dtype=np.float32)


@pytest.mark.parametrize(
    ("problem", "grid", "block", "inputs", "expected"),
    [
        (map_test, 1, 8, (A,), A + 10),
        (zip_test, 1, 8, (A, 2 * A), 3 * A),
        (map_guard_test, 1, 12, (A, 8), A + 10),
        (map_2D_test, 1, (3, 3), (TWO, 2), TWO + 10),
        (broadcast_test, 1, (3, 3), (TWO[:, :1], TWO[:1], 2),
         TWO[:, :1] + TWO[:1]),
        (map_block_test, 3, 6, (LONG, 15), LONG + 10),
        (map_block2D_test, (2, 2), (3, 3), (FIVE, 5), FIVE + 10),
        (shared_test, 1, 8, (A, 8), A + 10),
        (pool_test, 1, 8, (A, 8), np.convolve(A, [1, 1, 1])[:8]),
        (dot_test, 1, 8, (A, A, 8), A @ A),
        (conv_test, 2, 8, (LONG, WEIGHTS, 15, 4),
         np.correlate(np.pad(LONG, (0, 3)), WEIGHTS)),
        (sum_test, 2, 8, (LONG, 15), prefix_oracle(LONG)),
        (axis_sum_test, (1, 5), 8, (FIVE, 5), FIVE.sum(1, keepdims=True)),
        (mm_oneblock_test, (2, 2), (3, 3), (FIVE, FIVE, 5), FIVE @ FIVE),
    ],
)  # fmt: skip
def test_puzzle(problem, grid, block, inputs, expected):
    expected = np.atleast_1d(np.asarray(expected, np.float32))
    out = np.zeros(expected.shape, np.float32)
    clean(cuda.jit(problem(cuda)), grid, block, out, *inputs)
    assert np.array_equal(out, expected)


def test_a_puzzle_not_yet_solved_writes_nothing():
    def problem(cuda):
        def call(out, a) -> None:
            local_i = cuda.threadIdx.x  # noqa: F841
            # FILL ME IN (roughly 1 lines)

        return call

    out = np.zeros(4)
    clean(cuda.jit(problem(cuda)), 1, 4, out, out.copy())
    assert (out == 0).all()


# Decorators and arguments


@pytest.mark.parametrize(
    "decorate",
    [
        cuda.jit,
        cuda.jit(),
        cuda.jit("void(float64[:], float64[:])"),
        cuda.jit("(f8[:], f8[:])"),
        cuda.jit(["void(float64[:], float64[:])", "void(f4[:], f4[:])"]),
        cuda.jit((float64[:], float64[:])),
        cuda.jit(types.void(float64[:], float64[::1])),
        cuda.jit(fastmath=True),
        cuda.jit("void(f8[:], f8[:])", fastmath=True, max_registers=32),
        cuda.jit(debug=False, opt=True, lineinfo=True),
        cuda.jit(cache=True),
    ],
)
def test_ways_to_decorate(decorate):
    @decorate
    def double(x: np.ndarray, y: "an array") -> None:  # noqa: F722
        i = cuda.grid(1)
        if i < x.size:
            y[i] = 2 * x[i]

    x = np.arange(5.0)
    y = np.zeros(5)
    clean(double, 1, 32, x, y)
    assert np.array_equal(y, 2 * x)


def test_a_device_function_with_a_signature():
    @cuda.jit("float64(float64, int32)", device=True, inline=True)
    def scaled(x, n):
        return x * n

    @cuda.jit(types.float32(types.float32), device=True)
    def narrowed(x):
        return x

    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = scaled(x[i], i) + narrowed(x[i])

    x = np.arange(5.0) / 8
    y = np.zeros(5)
    kernel[1, 5](x, y)
    assert np.array_equal(y, x * np.arange(5) + x)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (2.5, 2.5),
        (True, 1),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int8(-3), -3),
        (np.uint64(7), 7),
        (np.bool_(True), 1),
    ],
)
def test_scalar_arguments(value, expected):
    @cuda.jit
    def store(out, value):
        out[0] = value

    out = np.zeros(1)
    clean(store, 1, 1, out, value)
    assert out[0] == expected


def test_tuples_as_arguments():
    @cuda.jit
    def kernel(out, shape, pair):
        i = cuda.grid(1)
        rows, columns = shape
        if i < rows * columns:
            out[i // columns, i % columns] = pair[0] + i * pair[1]

    out = np.zeros((2, 3))
    clean(kernel, 1, 32, out, (2, 3), (1, 0.5))
    assert np.array_equal(out.ravel(), 1 + 0.5 * np.arange(6))


def test_launch_configurations():
    @cuda.jit
    def count(out):
        cuda.atomic.add(out, 0, 1)

    out = np.zeros(1, np.int64)
    stream = cuda.stream()
    count[2, 3](out)
    count[(2,), (3,)](out)
    count[(2, 1), (3, 2)](out)
    count[(2, 2, 2), (1, 2, 3)](out)
    count[2, 3, stream](out)
    count[2, 3, stream, 128](out)
    count[np.int64(2), np.int32(3)](out)
    count.forall(10)(out)
    stream.synchronize()
    cuda.synchronize()
    assert out[0] == 6 + 6 + 12 + 48 + 6 + 6 + 6 + 128


def test_arrays_come_back_to_the_host():
    @cuda.jit
    def fill(a, value):
        i = cuda.grid(1)
        if i < a.shape[0]:
            a[i] = value

    stream = cuda.stream()
    host = np.zeros(4, np.float32)
    there = cuda.to_device(host, stream=stream)
    fill[1, 4, stream](there, 3)
    assert (host == 0).all()
    there.copy_to_host(host, stream=stream)
    stream.synchronize()
    assert (host == 3).all()
    made = cuda.device_array(4, dtype=np.float32)
    fill[1, 4](made[1:], 5)
    fill[1, 4](made[:1], 1)
    assert made.copy_to_host().tolist() == [1, 5, 5, 5]
    pinned = cuda.pinned_array(4, dtype=np.int32)
    fill[1, 4](pinned, 2)
    assert (pinned == 2).all()


def test_events_tell_time():
    start, end = cuda.event(), cuda.event()
    start.record()
    end.record()
    end.synchronize()
    assert cuda.event_elapsed_time(start, end) >= 0
    assert cuda.is_available() in (True, False)
    assert cuda.get_current_device().WARP_SIZE == 32


# The language


def run(function, *arguments, threads=1, out=1, dtype=np.float64):
    """Launch a kernel with one output and return that."""
    result = np.zeros(out, dtype)
    clean(cuda.jit(function), 1, threads, *arguments, result)
    return result.tolist()


MATH_1 = (
    "acos", "asin", "atan", "ceil", "cos", "degrees", "erf", "erfc", "exp",
    "expm1", "fabs", "floor", "gamma", "lgamma", "log", "log10", "log1p",
    "log2", "radians", "sin", "sinh", "sqrt", "tan", "tanh", "trunc", "acosh",
    "asinh", "atanh", "cosh",
)  # fmt: skip
MATH_2 = ("atan2", "copysign", "fmod", "hypot", "pow")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MATH_1)
def test_math_of_one_argument(name, dtype):
    function = getattr(math, name)
    value = 1.75 if name == "acosh" else 0.625

    @cuda.jit
    def kernel(x, out):
        out[0] = function(x[0])

    out = np.zeros(1, dtype)
    clean(kernel, 1, 1, np.full(1, value, dtype), out)
    expected = function(float(value))
    assert out[0] == pytest.approx(
        expected, rel=float(4 * np.finfo(dtype).eps)
    )


@pytest.mark.parametrize("name", MATH_2)
def test_math_of_two_arguments(name):
    function = getattr(math, name)

    @cuda.jit
    def kernel(x, out):
        out[0] = function(x[0], x[1])

    out = np.zeros(1)
    clean(kernel, 1, 1, np.array([2.75, -1.5]), out)
    assert out[0] == pytest.approx(function(2.75, -1.5), rel=1e-15)


def test_math_with_other_results():
    def kernel(x, out):
        out[0] = math.isnan(x[0])
        out[1] = math.isinf(x[1])
        out[2] = math.isfinite(x[2])
        mantissa, exponent = math.frexp(x[2])
        out[3] = math.ldexp(mantissa, exponent + 1)
        fraction, whole = math.modf(x[2])
        out[4] = fraction
        out[5] = whole
        out[6] = math.pi + math.e
        out[7] = sqrt(x[2]) + pi

    x = np.array([math.nan, math.inf, 6.25])
    expected = [1, 1, 1, 12.5, 0.25, 6, math.pi + math.e, 2.5 + math.pi]
    assert run(kernel, x, out=8) == expected


def test_casts():
    def kernel(x, out):
        out[0] = np.float32(x[0])
        out[1] = numba.int32(x[0])
        out[2] = int(x[0])
        out[3] = float(7) / 2
        out[4] = bool(x[0])
        out[5] = uint32(-1)
        out[6] = np.int8(300)
        out[7] = int64(x[0] * 10)

    x = np.array([3.1])
    assert run(kernel, x, out=8) == [
        float(np.float32(3.1)), 3, 3, 3.5, 1, 2**32 - 1, 44, 31,
    ]  # fmt: skip


def test_builtins():
    def kernel(x, out):
        out[0] = min(x[0], x[1])
        out[1] = max(x[0], x[1], 3)
        out[2] = abs(x[1])
        out[3] = round(x[0])
        out[4] = pow(x[0], 2)
        quotient, rest = divmod(17, 5)
        out[5] = quotient * 10 + rest
        out[6] = len(x)
        out[7] = -7 // 2
        out[8] = -7 % 3
        out[9] = 2**3
        out[10] = round(x[2], 2)

    x = np.array([1.5, -2.5, 2.718])
    expected = [-2.5, 3, 2.5, 2, 2.25, 32, 3, -4, 2, 8, 2.72]
    assert run(kernel, x, out=11) == expected


def test_enumerate_and_zip():
    def kernel(x, y, out):
        total = 0.0
        for i, value in enumerate(x):
            total += i * value
        for a, b in zip(x, y):  # noqa: B905
            total += a * b
        for value in y:
            total -= value
        for i in range(len(x) - 1, -1, -2):
            total += x[i]
        out[0] = total

    x, y = np.arange(4.0), np.array([1.0, 3.0, 5.0])
    expected = (x * np.arange(4)).sum() + x[:3] @ y - y.sum() + x[3] + x[1]
    assert run(kernel, x, y) == [expected]


def test_comparisons_and_short_circuits():
    def kernel(x, out):
        n = x.size
        # Without the short circuit x[n] would be out of bounds.
        out[0] = 0 < x[1] < 2 <= x[2] != 5
        out[1] = n > 5 and x[n] > 0
        out[2] = n < 5 or x[n] > 0
        out[3] = not (x[0] > 0 or n == 3) or x[2] == 2
        out[4] = x[0] if n > 3 else x[2] if n == 3 else x[1]
        out[5] = 1 if x[0] is None else 2

    assert run(kernel, np.arange(3.0), out=6) == [1, 0, 1, 1, 2, 2]


def test_values_of_and_and_or():
    def kernel(x, out):
        out[0] = x[0] or x[1]
        out[1] = x[1] and x[2]
        out[2] = (x[0] and x[1]) or 7

    assert run(kernel, np.array([0, 5, 9]), out=3) == [5, 9, 7]


def test_tuples_nest_and_swap():
    def kernel(x, out):
        a, b = x[0], x[1]
        a, b = b, a
        (c, d), e = (a, b), 5
        pair = (c, d)
        nested = (pair, (e, (1, 2)))
        out[0] = a * 10 + b
        out[1] = nested[0][0] * 10 + nested[0][1]
        out[2] = nested[1][1][1] + len(nested)
        x[0], x[1] = x[1], x[0]
        out[3] = x[0]

    x = np.array([1.0, 2.0])
    assert run(kernel, x, out=4) == [21, 21, 4, 2]


def test_shapes_as_tuples():
    def kernel(a, out):
        rows, columns = a.shape
        out[0] = rows * 10 + columns
        out[1] = a.ndim
        out[2] = a.size
        out[3] = len(a)
        out[4] = a.shape[0] + a.shape[-1]
        shape = a.shape
        out[5] = shape[1]

    a = np.zeros((3, 4))
    assert run(kernel, a, out=6) == [34, 2, 12, 3, 7, 4]


def test_augmented_assignments():
    def kernel(x, out):
        tile = cuda.shared.array(8, int32)
        t = cuda.threadIdx.x
        tile[t] = x[t]
        tile[t] += 5
        tile[t] -= 1
        tile[t] *= 3
        tile[t] //= 2
        tile[t] %= 50
        tile[t] <<= 2
        tile[t] >>= 1
        tile[t] |= 8
        tile[t] &= 0xFF
        tile[t] ^= 5
        cuda.syncthreads()
        out[t] = tile[7 - t]

    x = np.arange(8)
    right = ((((x + 4) * 3 // 2 % 50 << 2 >> 1) | 8) & 0xFF) ^ 5
    got = run(kernel, x, threads=8, out=8)
    assert got == right[::-1].tolist()


def test_augmented_assignments_of_floats():
    def kernel(x, out):
        value = x[0]
        value /= 4
        value **= 2
        value -= 1
        value %= 0.75
        value //= 0.25
        out[0] = value

    value = ((3 / 4) ** 2 - 1) % 0.75 // 0.25
    assert run(kernel, np.array([3.0])) == [value]


def test_return_values_of_atomics():
    def kernel(x, out):
        out[0] = cuda.atomic.add(x, 0, 5)
        out[1] = cuda.atomic.sub(x, 0, 2)
        out[2] = cuda.atomic.max(x, 0, 20)
        out[3] = cuda.atomic.min(x, 0, 7)
        out[4] = cuda.atomic.exch(x, 0, 6)
        out[5] = cuda.atomic.cas(x, 0, 6, 9)
        out[6] = cuda.atomic.compare_and_swap(x, 0, 4)
        out[7] = cuda.atomic.and_(x, 0, 12)
        out[8] = cuda.atomic.or_(x, 0, 3)
        out[9] = cuda.atomic.xor(x, 0, 1)
        out[10] = x[0]

    x = np.array([10])
    #           +5  -2  max min  exch cas  cas  and or xor
    expected = [10, 15, 13, 20, 7, 6, 9, 9, 8, 11, 10]
    assert run(kernel, x, out=11) == expected


def test_increments_that_wrap():
    def kernel(x, out):
        for _ in range(6):
            cuda.atomic.inc(x, 0, 3)
        for _ in range(2):
            cuda.atomic.dec(x, 1, 3)
        out[0] = x[0]
        out[1] = x[1]

    x = np.array([0, 1], np.uint32)
    # 1, 2, 3, 0, 1, 2 and 0, 3
    assert run(kernel, x, out=2) == [2, 3]


def test_a_docstring_a_pass_and_an_assert():
    @cuda.jit
    def kernel(x):
        """Do very little."""
        i = cuda.grid(1)
        assert i >= 0
        assert x.size > 0, "an empty array"
        if i > 3:
            pass
        else:
            x[i] += 1
        ...

    x = np.zeros(8)
    clean(kernel, 1, 8, x)
    assert x.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_printing(capfd):
    @cuda.jit
    def hello(x):
        i = cuda.grid(1)
        if i == 1:
            print("thread", i, "has", x[i])

    clean(hello, 1, 4, np.arange(4.0))
    cuda.synchronize()
    printed = capfd.readouterr().out.splitlines()
    # Once by the launch, which prints; a trace may do so too.
    assert printed
    assert all(line.startswith("thread 1 has 1.0") for line in printed)


def test_while_loops():
    def kernel(n, out):
        a, b, steps = n[0], n[1], 0
        while b:
            a, b = b, a % b
            steps += 1
        out[0] = a
        out[1] = steps
        while True:
            steps -= 1
            if steps < 0:
                break
        out[2] = steps

    assert run(kernel, np.array([84, 36]), out=3) == [12, 2, -1]


def test_loops_in_loops():
    def kernel(out):
        found = 0
        for i in range(2, 50):
            for j in range(2, i):
                if i % j == 0:
                    break
            else:
                found += 1
                if found == 10:
                    out[0] = i
                    return
        out[0] = -1

    assert run(kernel) == [29]


def test_slices():
    def kernel(a, out):
        row = a[1]
        middle = a[1:3, 1]
        block = a[:2, -2:]
        tail = row[2:]
        out[0] = row[0] + tail[0]
        out[1] = middle.shape[0] * 100 + middle[1]
        out[2] = block[1, 1] + block.shape[1]
        last = a[2, ::-1]
        out[3] = last[0]

    a = np.arange(12.0).reshape(3, 4)
    assert run(kernel, a, out=4) == [10, 209, 9, 11]


def test_writing_through_a_slice():
    @cuda.jit
    def kernel(a):
        t = cuda.grid(1)
        column = a[:, t]
        for k in range(column.size):
            column[k] = 10 * k + t

    a = np.zeros((3, 4))
    clean(kernel, 1, 4, a)
    assert np.array_equal(a, np.add.outer([0, 10, 20], np.arange(4)))


def test_filling_a_slice():
    @cuda.jit
    def kernel(a):
        t = cuda.grid(1)
        a[t, 1:3] = t
        a[t][0] = -1

    a = np.zeros((3, 4))
    clean(kernel, 1, 3, a)
    expected = [[-1, t, t, 0] for t in range(3)]
    assert a.tolist() == expected


def test_local_arrays_of_two_dimensions():
    def kernel(x, out):
        matrix = cuda.local.array((2, 2), dtype=numba.float64)
        for i in range(2):
            for j in range(2):
                matrix[i, j] = x[2 * i + j]
        out[0] = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]

    assert run(kernel, np.array([1.0, 2, 3, 4])) == [-2]


def test_complex_numbers():
    def kernel(x, out):
        z = complex(x[0], x[1])
        w = z * z + 1j
        out[0] = w.real
        out[1] = w.imag
        out[2] = abs(z)
        out[3] = (z.conjugate() * z).real

    assert run(kernel, np.array([3.0, 4.0]), out=4) == [-7, 25, 5, 25]


def test_constants_of_many_kinds():
    ratio, name_of_it, flags = 0.5, 3, (True, False)
    table = np.array([[1, 2], [3, 4]])
    nested = ((1, 2.5), (3, 4.5))

    def kernel(out):
        out[0] = ratio * name_of_it
        out[1] = 1 if flags[0] and not flags[1] else 0
        out[2] = table[1, 0] + table.shape[0]
        out[3] = nested[1][1]
        out[4] = np.pi
        out[5] = 1e-3 + 0x10 + 0b11 + 1_000

    expected = [1.5, 1, 5, 4.5, np.pi, 1e-3 + 1019]
    assert run(kernel, out=6) == expected


def test_float32_stays_float32():
    def kernel(x, out):
        out[0] = x[0] * x[1] + x[2]  # all float32
        out[1] = x[0] * 3  # with a Python int: float64
        out[2] = x[0] / float32(3)
        out[3] = math.sqrt(x[0])

    x = np.array([0.1, 0.7, 0.3], np.float32)
    expected = [
        x[0] * x[1] + x[2],
        float(x[0]) * 3,
        x[0] / np.float32(3),
        np.sqrt(x[0]),
    ]
    assert run(kernel, x, out=4) == [float(e) for e in expected]


def test_division_by_zero_is_the_field_s():
    def kernel(x, out):
        out[0] = x[0] / x[1]
        out[1] = -x[0] / x[1]
        out[2] = x[1] / x[1]

    got = run(kernel, np.array([1.0, 0.0]), out=3)
    assert got[:2] == [math.inf, -math.inf]
    assert math.isnan(got[2])


def test_chained_assignment_and_del_free_names():
    def kernel(x, out):
        a = b = x[0]
        a += 1
        c = a
        _ = b
        out[0] = c * 10 + b
        out[1] = _

    assert run(kernel, np.array([2.0]), out=2) == [32, 2]


def test_a_variable_may_change_its_type():
    def kernel(x, out):
        value = 0
        value = x[0] + value
        i = 1
        out[0] = value
        i = 2.5
        out[1] = i

    assert run(kernel, np.array([1.5]), out=2) == [1.5, 2.5]


def test_the_kernel_api_under_other_names():
    from gpu_course.cuda import grid, shared, syncthreads, threadIdx

    @cuda.jit
    def kernel(x):
        tile = shared.array(8, float64)
        tile[threadIdx.x] = x[grid(1)]
        syncthreads()
        x[grid(1)] = tile[7 - threadIdx.x]

    x = np.arange(8.0)
    clean(kernel, 1, 8, x)
    assert np.array_equal(x, np.arange(8)[::-1])


def test_a_module_renamed():
    import gpu_course.cuda as gpu

    @gpu.jit
    def kernel(x):
        x[gpu.grid(1)] *= 2

    x = np.arange(8.0)
    clean(kernel, 1, 8, x)
    assert np.array_equal(x, 2 * np.arange(8))


def test_indices_by_a_tuple():
    @cuda.jit
    def kernel(a):
        pos = cuda.grid(2)
        if pos[0] < a.shape[0] and pos[1] < a.shape[1]:
            a[pos] += 1
            cuda.atomic.add(a, pos, 1)

    a = np.zeros((3, 5))
    clean(kernel, (1, 2), (4, 4), a)
    assert (a == 2).all()


def test_arrays_in_a_tuple():
    @cuda.jit
    def kernel(arrays):
        i = cuda.grid(1)
        arrays[1][i] = arrays[0][i] + 1

    a, b = np.arange(4.0), np.zeros(4)
    clean(kernel, 1, 4, (a, b))
    assert np.array_equal(b, a + 1)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def inner(): return 1\n    x[0] = inner()", "def inside a kernel"),
        ("x[0] = (lambda v: v)(1)", "lambda"),
        ("x[0] = sum([v for v in x])", "comprehension"),
        ("try:\n        x[0] = 1\n    except Exception:\n        pass", "try"),
        ("x[0] = len({1: 2})", "dict"),
        ("import math\n    x[0] = 1", "import"),
        ("with open('f') as f:\n        x[0] = 1", "with"),
        ("yield x[0]", "yield"),
        ("global z\n    x[0] = 1", "global"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path, source, words):
    import importlib.util

    path = tmp_path / "outside.py"
    path.write_text(
        "from gpu_course import cuda\n\n\n@cuda.jit\n"
        f"def outside(x):\n    {source}\n"
    )
    spec = importlib.util.spec_from_file_location("outside", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(cuda.UnsupportedKernel, match=words) as failure:
        module.outside[1, 1](np.zeros(1))
    assert "outside.py, line" in str(failure.value)
    assert "instead" in str(failure.value)


# What else is met in public repositories


@cuda.jit(device=True)
def normal_distribution(d):
    k = 1.0 / (1.0 + 0.2316419 * math.fabs(d))
    tail = 0.3989422804014327 * math.exp(-0.5 * d * d) * k * (
        0.31938153 + k * (-0.356563782 + k * (1.781477937 + k * (
            -1.821255978 + k * 1.330274429
        )))
    )  # fmt: skip
    if d > 0:
        tail = 1.0 - tail
    return tail


@cuda.jit
def black_scholes(call, put, S, X, T, R, V):  # noqa: N803
    i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x
    if i >= S.shape[0]:
        return
    sqrt_t = math.sqrt(T[i])
    d1 = (math.log(S[i] / X[i]) + (R + 0.5 * V * V) * T[i]) / (V * sqrt_t)
    d2 = d1 - V * sqrt_t
    cnd1 = normal_distribution(d1)
    cnd2 = normal_distribution(d2)
    exp_rt = math.exp((-1.0 * R) * T[i])
    call[i] = S[i] * cnd1 - X[i] * exp_rt * cnd2
    put[i] = X[i] * exp_rt * (1.0 - cnd2) - S[i] * (1.0 - cnd1)


def test_black_scholes():
    s, x, t = RNG.uniform(10, 30, (3, 50))
    call, put = np.zeros((2, 50))
    clean(black_scholes, 2, 32, call, put, s, x, t, 0.02, 0.3)
    # Put-call parity
    np.testing.assert_allclose(call - put, s - x * np.exp(-0.02 * t))


def test_mandelbrot_of_complex_numbers():
    @cuda.jit(device=True)
    def mandel(x, y, max_iters):
        c = complex(x, y)
        z = 0.0j
        for i in range(max_iters):
            z = z * z + c
            if (z.real * z.real + z.imag * z.imag) >= 4:
                return i
        return max_iters

    @cuda.jit
    def mandel_kernel(min_x, max_x, min_y, max_y, image, iters):
        height, width = image.shape
        pixel_size_x = (max_x - min_x) / width
        pixel_size_y = (max_y - min_y) / height
        startX, startY = cuda.grid(2)
        gridX = cuda.gridDim.x * cuda.blockDim.x
        gridY = cuda.gridDim.y * cuda.blockDim.y
        for x in range(startX, width, gridX):
            real = min_x + x * pixel_size_x
            for y in range(startY, height, gridY):
                imag = min_y + y * pixel_size_y
                image[y, x] = mandel(real, imag, iters)

    image = np.zeros((16, 24), np.uint8)
    clean(mandel_kernel, (2, 2), (8, 4), -2.0, 1.0, -1.0, 1.0, image, 20)
    expected = [
        [mandel.py_func(-2 + x / 8, -1 + y / 8, 20) for x in range(24)]
        for y in range(16)
    ]
    assert image.tolist() == expected


def test_indices_one_after_the_other():
    @cuda.jit
    def kernel(a, b):
        i, j = cuda.grid(2)
        if i < a.shape[0] and j < a.shape[1]:
            b[i][j] = a[i][j] * 2
            b[i][j] += 1

    a = np.arange(48.0).reshape(6, 8)
    b = np.zeros_like(a)
    clean(kernel, 1, (8, 8), a, b)
    assert np.array_equal(b, 2 * a + 1)


def test_a_dot_product_from_a_book():
    threads_per_block = 32

    @cuda.jit
    def dot(a, b, c):
        cache = cuda.shared.array(threads_per_block, float64)
        cache_index = cuda.threadIdx.x
        tid = cuda.grid(1)
        temp = 0
        while tid < len(a):
            temp += a[tid] * b[tid]
            tid += cuda.blockDim.x * cuda.gridDim.x
        cache[cache_index] = temp
        cuda.syncthreads()
        i = int(cuda.blockDim.x / 2)
        while i != 0:
            if cache_index < i:
                cache[cache_index] += cache[cache_index + i]
            cuda.syncthreads()
            i = int(i / 2)
        if cache_index == 0:
            cuda.atomic.add(c, 0, cache[0])

    a, b = RNG.random((2, 100))
    c = np.zeros(1)
    clean(dot, 2, threads_per_block, a, b, c)
    np.testing.assert_allclose(c, a @ b)


def test_sobel_filter():
    @cuda.jit
    def sobel(img, out):
        x, y = cuda.grid(2)
        if not (0 < x < img.shape[1] - 1 and 0 < y < img.shape[0] - 1):
            return
        gx = (
            -1 * img[y - 1, x - 1] + img[y - 1, x + 1] - 2 * img[y, x - 1]
            + 2 * img[y, x + 1] - img[y + 1, x - 1] + img[y + 1, x + 1]
        )  # fmt: skip
        gy = (
            img[y - 1, x - 1] + 2 * img[y - 1, x] + img[y - 1, x + 1]
            - img[y + 1, x - 1] - 2 * img[y + 1, x] - img[y + 1, x + 1]
        )  # fmt: skip
        out[y, x] = min(255, int(math.sqrt(float(gx * gx + gy * gy))))

    image = RNG.integers(0, 255, (12, 14)).astype(np.uint8)
    out = np.zeros_like(image)
    clean(sobel, (2, 2), (8, 8), image, out)
    parts = np.lib.stride_tricks.sliding_window_view(image.astype(int), (3, 3))
    filters = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    gx = (parts * filters).sum((2, 3))
    gy = (parts * -filters.T).sum((2, 3))
    assert np.array_equal(
        out[1:-1, 1:-1], np.minimum(255, np.sqrt(gx**2 + gy**2).astype(int))
    )


def test_xorshift_on_unsigned_integers():
    @cuda.jit(device=True)
    def xorshift(state):
        state ^= (state << uint32(13)) & uint32(0xFFFFFFFF)
        state ^= state >> uint32(17)
        state ^= (state << uint32(5)) & uint32(0xFFFFFFFF)
        return state

    @cuda.jit
    def kernel(seeds, out):
        i = cuda.grid(1)
        state = uint32(seeds[i])
        for _ in range(10):
            state = uint32(xorshift(state))
        out[i] = state

    def expected(state):
        for _ in range(10):
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
        return state

    seeds = np.arange(1, 9, dtype=np.uint32)
    out = np.zeros_like(seeds)
    clean(kernel, 1, 8, seeds, out)
    assert out.tolist() == [expected(s) for s in range(1, 9)]


def test_breadth_first_search():
    @cuda.jit
    def visit(starts, neighbours, level, current, changed):
        v = cuda.grid(1)
        if v < level.size and cuda.atomic.add(level, v, 0) == current:
            for edge in range(starts[v], starts[v + 1]):
                n = neighbours[edge]
                if cuda.atomic.cas(level, n, -1, current + 1) == -1:
                    cuda.atomic.exch(changed, 0, 1)

    starts, neighbours = np.array([0, 2, 3, 4, 4]), np.array([1, 2, 3, 3])
    level = np.array([0, -1, -1, -1])
    for current in range(3):
        changed = np.zeros(1, np.int64)
        clean(visit, 1, 32, starts, neighbours, level, current, changed)
    assert level.tolist() == [0, 1, 1, 2]
    assert changed[0] == 0


def test_defaults_and_keywords_of_device_functions():
    @cuda.jit(device=True)
    def clamp(x, low=0.0, high=1.0):
        return min(max(x, low), high)

    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        y[i] = clamp(x[i], high=0.5) + clamp(x=x[i])

    x, y = np.linspace(-1, 2, 8), np.zeros(8)
    clean(kernel, 1, 8, x, y)
    assert np.array_equal(y, np.clip(x, 0, 0.5) + np.clip(x, 0, 1))


def test_keywords_of_the_kernel_api():
    @cuda.jit
    def kernel(x):
        i = cuda.grid(ndim=1)
        tile = cuda.shared.array(dtype=int32, shape=(8,))
        tile[i] = i
        cuda.syncthreads()
        x[i] = tile[7 - i]

    x = np.zeros(8)
    clean(kernel, 1, 8, x)
    assert np.array_equal(x, np.arange(8)[::-1])


def test_atomics_on_a_row():
    @cuda.jit
    def kernel(x, out):
        i = cuda.grid(1)
        cuda.atomic.add(out[i % 2], i % 3, x[i])

    out = np.zeros((2, 3))
    clean(kernel, 1, 12, np.ones(12), out)
    assert (out == 2).all()


def test_a_barrier_in_a_condition():
    @cuda.jit
    def kernel(x):
        t = cuda.threadIdx.x
        while cuda.syncthreads_or(x[t] > 0):
            if x[t] > 0:
                x[t] -= 1

    x = np.arange(8.0)
    clean(kernel, 1, 8, x)
    assert (x == 0).all()


def test_a_device_function_that_returns_early_after_a_barrier():
    @cuda.jit(device=True)
    def partner(x, t):
        tile = cuda.shared.array(8, float64)
        tile[t] = x[t]
        cuda.syncthreads()
        if t % 2 == 0:
            return tile[t + 1]
        value = tile[t - 1]
        return value * 10

    @cuda.jit
    def kernel(x):
        t = cuda.threadIdx.x
        x[t] = partner(x, t)

    x = np.arange(8.0)
    clean(kernel, 1, 8, x)
    assert x.tolist() == [1, 0, 3, 20, 5, 40, 7, 60]


def test_loop_variables_live_on():
    @cuda.jit
    def kernel(x, n):
        t = cuda.threadIdx.x
        last = -1
        for k in range(n):
            last = k
            cuda.syncthreads()
        for k in range(4):
            if k == t:
                break
        x[t] = last * 10 + k

    x = np.zeros(6)
    clean(kernel, 1, 6, x, 2)
    assert x.tolist() == [10, 11, 12, 13, 13, 13]
    clean(kernel, 1, 6, x, 0)
    assert x.tolist() == [-10, -9, -8, -7, -7, -7]


def test_nanosleep():
    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        cuda.nanosleep(10)
        x[i] = 1

    x = np.zeros(4)
    clean(kernel, 1, 4, x)
    assert (x == 1).all()


def test_recursion_is_refused():
    @cuda.jit(device=True)
    def factorial(n):
        if n <= 1:
            return 1
        return n * factorial(n - 1)

    @cuda.jit
    def kernel(x):
        x[0] = factorial(4)

    with pytest.raises(cuda.UnsupportedKernel, match="factorial"):
        kernel[1, 1](np.zeros(1, np.int64))


def test_ellipsis():
    def kernel(a, out):
        column = a[..., 1]
        out[0] = column[2]
        out[1] = a[1, ...][0]

    assert run(kernel, np.arange(12.0).reshape(3, 4), out=2) == [9, 4]


def test_attributes_of_arrays():
    def kernel(a, out):
        out[0] = a.itemsize
        out[1] = a.nbytes
        out[2] = a.strides[0]
        out[3] = a.T.shape[0]
        out[4] = a.ravel()[3]
        out[5] = a.flat[2]
        out[6] = a.reshape(2, 6)[1, 2]

    a = np.arange(12.0).reshape(3, 4)
    assert run(kernel, a, out=7) == [8, 96, 32, 4, 3, 2, 8]


def test_fields_of_arrays_of_records():
    @cuda.jit
    def kernel(points):
        i = cuda.grid(1)
        points["x"][i] = points["x"][i] + points[i]["n"]
        points[i].n = 2

    points = np.zeros(4, [("x", np.float64), ("n", np.int32)])
    points["n"] = np.arange(4)
    clean(kernel, 1, 4, points)
    assert points["x"].tolist() == [0, 1, 2, 3]
    assert points["n"].tolist() == [2] * 4


def test_named_tuples():
    @cuda.jit
    def kernel(x, line):
        i = cuda.grid(1)
        x[i] = line.slope * i + line.start

    x = np.zeros(4)
    clean(kernel, 1, 4, x, Line(2.5, 1))
    assert x.tolist() == [1, 3.5, 6, 8.5]


class Line(NamedTuple):
    slope: float
    start: int


class Colour(IntEnum):
    RED = 1
    BLUE = 2


def test_enumerations():
    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        x[i] = Colour.BLUE + i

    x = np.zeros(4)
    clean(kernel, 1, 4, x)
    assert x.tolist() == [2, 3, 4, 5]


def test_walrus():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if (value := x[i]) > 1:
            y[i] = value

    y = np.zeros(4)
    clean(kernel, 1, 4, np.arange(4.0), y)
    assert y.tolist() == [0, 0, 2, 3]
