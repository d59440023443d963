"""Kernels in the shapes that people publish: only the import is changed.

First the topics of Numba's CUDA examples, then puzzles, whose kernels are
made by functions that take `cuda`, then what else public repositories hold.
"""

import math
from math import pi

import numba
import numpy as np
import pytest
from cuda_launch import clean
from numba import float32, float64, int32, uint32

from gpu_course import cuda

RNG = np.random.default_rng(1)


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
        (
            broadcast_test,
            1,
            (3, 3),
            (TWO[:, :1], TWO[:1], 2),
            TWO[:, :1] + TWO[:1],
        ),
        (map_block_test, 3, 6, (LONG, 15), LONG + 10),
        (map_block2D_test, (2, 2), (3, 3), (FIVE, 5), FIVE + 10),
        (shared_test, 1, 8, (A, 8), A + 10),
        (pool_test, 1, 8, (A, 8), np.convolve(A, [1, 1, 1])[:8]),
        (dot_test, 1, 8, (A, A, 8), A @ A),
        (
            conv_test,
            2,
            8,
            (LONG, WEIGHTS, 15, 4),
            np.correlate(np.pad(LONG, (0, 3)), WEIGHTS),
        ),
        (sum_test, 2, 8, (LONG, 15), prefix_oracle(LONG)),
        (axis_sum_test, (1, 5), 8, (FIVE, 5), FIVE.sum(1, keepdims=True)),
        (mm_oneblock_test, (2, 2), (3, 3), (FIVE, FIVE, 5), FIVE @ FIVE),
    ],
)
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


# What else is met in public repositories


@cuda.jit(device=True)
def normal_distribution(d):
    k = 1.0 / (1.0 + 0.2316419 * math.fabs(d))
    tail = (
        0.3989422804014327
        * math.exp(-0.5 * d * d)
        * k
        * (
            0.31938153
            + k
            * (
                -0.356563782
                + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))
            )
        )
    )
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
            -1 * img[y - 1, x - 1]
            + img[y - 1, x + 1]
            - 2 * img[y, x - 1]
            + 2 * img[y, x + 1]
            - img[y + 1, x - 1]
            + img[y + 1, x + 1]
        )
        gy = (
            img[y - 1, x - 1]
            + 2 * img[y - 1, x]
            + img[y - 1, x + 1]
            - img[y + 1, x - 1]
            - 2 * img[y + 1, x]
            - img[y + 1, x + 1]
        )
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
