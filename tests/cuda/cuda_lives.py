"""Kernels that reuse a name for several lives or wait in unusual places.

Each has a launch and a right result, worked out on paper.
"""

# ruff: noqa: B007, the loops are what is tested
import numpy as np

from gpu_course import cuda

FULL = 0xFFFFFFFF
TABLE = (5, 2, 7)
THREADS = 64
T = np.arange(THREADS)
ONES = np.ones(1 << 16, np.float32)
CASES = {}


def case(right, *arguments, blocks=1):
    """Register a kernel; its last argument is compared with ``right``."""

    def register(kernel):
        CASES[kernel.__name__] = (kernel, blocks, arguments, right)
        return kernel

    return register


def zeros(dtype=np.int64, size=THREADS):
    return np.zeros(size, dtype)


# A loop's variable and other uses of its name


@case([1 << 16], ONES, zeros(np.float32, 1), blocks=4)
@cuda.jit
def grid_stride_sum_then_tree(x, out):
    s = cuda.shared.array(THREADS, np.float32)
    t = cuda.threadIdx.x
    acc = np.float32(0)
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        acc += x[i]
    s[t] = acc
    cuda.syncthreads()
    for i in range(6):
        d = 32 >> i
        if t < d:
            s[t] += s[t + d]
        cuda.syncthreads()
    if t == 0:
        cuda.atomic.add(out, 0, s[0])


@case(T * 0 + 13, zeros())
@cuda.jit
def two_loops(out):
    i = cuda.grid(1)
    for k in range(3):
        cuda.syncthreads()
        out[i] += k
    for k in range(2):
        out[i] += 10 * k


@case(T * 3 + 3, zeros())
@cuda.jit
def assigned_before(out):
    t = k = cuda.threadIdx.x
    out[t] += 3 * k
    for k in range(3):
        cuda.syncthreads()
        out[t] += k


@case(T * 3 + 3, zeros())
@cuda.jit
def assigned_behind(out):
    t = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        out[t] += k
    k = 3 * t
    cuda.syncthreads()
    out[t] += k


@case(T * 3 + 3, zeros())
@cuda.jit
def assigned_in_the_body(out):
    t = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        k += t
        cuda.syncthreads()
        out[t] += k


@case(np.where(T == 0, 6, 3), zeros())
@cuda.jit
def loop_of_one_thread(out):
    t = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        out[t] += k
    if t == 0:
        for k in range(3):
            out[t] += k


@case(T * 0 + 10 * 3 + 2, zeros())
@cuda.jit
def loop_in_a_loop(out):
    t = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        for k in range(5):
            out[t] += k
    out[t] += k // 2


@case(T * 0 + 2, zeros())
@cuda.jit
def value_after_the_loop(out):
    t = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
    out[t] += k


@case([6] * 32 + [3] * 32, zeros())
@cuda.jit
def carried_to_the_next_round(out):
    t, v = cuda.threadIdx.x, 0
    for k in range(4):
        out[t] += v  # from the previous iteration
        cuda.syncthreads()
        v = k * 2 if t < 32 else k


@case(64 + T + 65, zeros())
@cuda.jit
def one_of_two_targets_is_the_same_for_all(out):
    t = cuda.threadIdx.x
    d = k = out.shape[0]
    d += t
    m = k + 1
    cuda.syncthreads()
    out[t] = d + m


@case(T * 0 + 32, zeros())
@cuda.jit
def step_that_the_body_changes(out):
    t = cuda.threadIdx.x
    step = 2 + t // THREADS
    if t < THREADS:
        for k in range(8, 0, -step):
            step += 5
            out[t] += cuda.shfl_sync(FULL, k, 0) + 3


# A wait in every place where Python allows an expression


@case([64, 1], ONES[:64], zeros(np.float32, 2))
@cuda.jit
def tuple_loop_in_a_branch(y, out):
    r = cuda.threadIdx.x
    acc = np.float32(1)
    if r // 32 == 0:
        acc = y[r] + y[r + 32]
        for d in (16, 8, 4, 2, 1):
            acc += cuda.shfl_down_sync(FULL, acc, d)
    if r % 32 == 0:
        out[r // 32] = acc


@case(T ^ 1, zeros())
@cuda.jit
def index_of_a_store(out):
    i = cuda.threadIdx.x
    out[cuda.shfl_xor_sync(FULL, i, 1)] = i


@cuda.jit(device=True)
def aggregated(counter):
    leader = cuda.ballot_sync(FULL, 1) & 1
    place = 0
    if cuda.laneid == 0:
        place = cuda.atomic.add(counter, 0, 32 * leader)
    return cuda.shfl_sync(FULL, place, 0) + cuda.laneid


@case(T * 7, T * 7, zeros(size=1), zeros())
@cuda.jit
def index_by_a_device_function(src, counter, dst):
    i = cuda.threadIdx.x
    dst[aggregated(counter)] = src[i]


@case((T ^ 1) + 100 * (T ^ 2), zeros(), zeros())
@cuda.jit
def target_of_a_tuple(a, out):
    i = cuda.threadIdx.x
    k, a[cuda.shfl_xor_sync(FULL, i, 1)] = 100 * (i ^ 2), i
    cuda.syncwarp()
    out[i] = a[i] + k


@case(T ^ 3, zeros())
@cuda.jit
def target_of_a_chain(out):
    i = cuda.threadIdx.x
    i = out[cuda.shfl_xor_sync(FULL, i, 3)] = i + 0


@case(np.where(T < 32, T ^ 1, -T), zeros())
@cuda.jit
def conditional_expression(out):
    i = cuda.threadIdx.x
    out[i] = cuda.shfl_xor_sync(FULL, i, 1) if i < 32 else -i


@case(np.where(T < 32, 1, 0), zeros())
@cuda.jit
def behind_and(out):
    i = cuda.threadIdx.x
    if i < 32 and cuda.shfl_sync(FULL, i, 5) == 5:
        out[i] = 1


@case(np.where(T < 32, 1, T % 2), zeros())
@cuda.jit
def behind_or(out):
    i = cuda.threadIdx.x
    if i < 32 or cuda.shfl_xor_sync(FULL, i, 1) % 2 == 0:
        out[i] = 1


@case((T < 63).astype(int), zeros())
@cuda.jit
def end_of_a_comparison(out):
    i = cuda.threadIdx.x
    if -1 < i < 2 * cuda.syncthreads_count(i < 32) - 1:
        out[i] = 1


@case(T * 0 + 4, zeros())
@cuda.jit
def test_of_a_while(out):
    i = cuda.threadIdx.x
    n = i % 5
    while cuda.syncthreads_or(n > 0):
        n -= 1
        out[i] += 1


@case(T * 0 + 3 + 100, zeros())
@cuda.jit
def else_of_a_loop(out):
    i = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        out[i] += 1
        if out[i] > 5:
            break
    else:
        out[i] += 100


@case(T * 0 + 1, zeros())
@cuda.jit
def break_in_the_else_of_an_inner_loop(out):
    i = cuda.threadIdx.x
    for k in range(3):
        cuda.syncthreads()
        out[i] += 1
        for d in range(2):
            if i < 0:
                break
        else:
            break


@cuda.jit(device=True)
def clipped(value, most):
    other = cuda.shfl_xor_sync(FULL, value, 1)
    if other > most:
        return most
    return other


@case(np.minimum(T ^ 1, 9), zeros())
@cuda.jit
def early_return(out):
    i = cuda.threadIdx.x
    out[i] = clipped(i, 9)


@cuda.jit(device=True)
def exchanged(s, t, value):
    s[t] = value
    cuda.syncthreads()
    value = s[THREADS - 1 - t]
    cuda.syncthreads()
    return value


@case(T * 5 + 63 - T, zeros())
@cuda.jit
def read_before_the_wait(out):
    s = cuda.shared.array(THREADS, np.int64)
    t = cuda.threadIdx.x
    s[t] = 5 * t
    out[t] = s[t] + exchanged(s, t, t)


@case(T * 0 + 1, zeros())
@cuda.jit
def both_targets_of_a_vote(out):
    t = cuda.threadIdx.x
    a = b = cuda.any_sync(FULL, t == 40 or t == 4)
    if a and b:
        out[t] = 1


@case(T * 0 + 3, zeros())
@cuda.jit
def values_of_a_tuple_loop(out):
    t = cuda.threadIdx.x
    for k in (cuda.shfl_sync(FULL, t, 1) + 0, 2):
        if t < THREADS:
            cuda.syncthreads()
            out[t] += k if t < 32 or k == 2 else k - 32


# Expressions that may fail stay behind their guards


@case(np.where(T < 3, np.resize(TABLE, 64), 0), zeros())
@cuda.jit
def guarded_item(out):
    i = cuda.threadIdx.x
    if i < 3:
        v = TABLE[i]
    cuda.syncthreads()
    if i < 3:
        out[i] = v


@case(np.where(T < 1, THREADS, 0), zeros())
@cuda.jit
def guarded_shape(out):
    i = cuda.threadIdx.x
    if i < out.ndim:
        n = out.shape[i]
    cuda.syncthreads()
    if i < out.ndim:
        out[i] = n


@case(np.where(T > 0, 100 // np.maximum(T, 1), 0), zeros())
@cuda.jit
def guarded_quotient(out):
    i = cuda.threadIdx.x
    if i > 0:
        n = 100 // i
    cuda.syncthreads()
    if i > 0:
        out[i] = n


@case(np.where(T > 0, 1 / np.maximum(T, 1), 0), zeros(np.float64))
@cuda.jit
def guarded_power(out):
    i = cuda.threadIdx.x
    if i > 0:
        n = float(i) ** -1
    cuda.syncthreads()
    if i > 0:
        out[i] = n


@case(np.where(T % 2, T - 1, 0), zeros())
@cuda.jit
def a_lane_returns_after_a_shuffle(out):
    i = cuda.threadIdx.x
    other = cuda.shfl_xor_sync(FULL, i, 1)
    if i % 2 == 0:
        return
    out[i] = other


@case(np.where(T % 2, 3 * (T - 1), 0), zeros())
@cuda.jit
def a_lane_returns_in_a_loop_after_a_shuffle(out):
    i = cuda.threadIdx.x
    for _ in range(3):
        out[i] += cuda.shfl_xor_sync(FULL, i, 1)
        for k in range(3):
            if i % 2 == 0 and k == 1 and _ == 2:
                out[i] = 0
                return
