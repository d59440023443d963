"""Right answers that go another way than the solutions pass as well."""

import pytest

from gpu_course.exercises.check import check, find

KERNEL = """\
import math
import numpy as np
from numba import float32, int32
from gpu_course import cuda


@cuda.jit
"""

KERNELS = [
    (
        "axpy",
        """\
def axpy(a, x, y):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i] += a * x[i]
""",
    ),
    (
        "axpy",
        """\
def axpy(a, x, y):
    i = cuda.grid(1)
    if i >= y.size:
        return
    y[i] = y[i] + a * x[i]
""",
    ),
    (
        "axpy",
        """\
def axpy(a, x, y):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i < len(x):
        y[i] += a * x[i]
""",
    ),
    (
        "scale_all",
        """\
def scale_all(x, factor):
    i = cuda.grid(1)
    while i < x.size:
        x[i] = x[i] * factor
        i += cuda.gridsize(1)
""",
    ),
    (
        "mirror",
        """\
def mirror(image, out):
    x, y = cuda.grid(2)
    if x < image.shape[1] and y < image.shape[0]:
        out[y, image.shape[1] - 1 - x] = image[y, x]
""",
    ),
    (
        "blur",
        """\
def blur(image, out):
    x, y = cuda.grid(2)
    h, w = image.shape
    if x >= w or y >= h:
        return
    s = float32(0)
    n = 0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            u, v = y + dy, x + dx
            if u >= 0 and u < h and v >= 0 and v < w:
                s += image[u, v]
                n += 1
    out[y, x] = s / n
""",
    ),
    (
        "differences",
        """\
def differences(x, out):
    i = cuda.grid(1)
    if i + 1 < x.size:
        out[i] = x[i + 1] - x[i]
""",
    ),
    (
        "threshold",
        """\
def threshold(pixels, limit, out):
    i = cuda.grid(1)
    if i < out.size:
        if pixels[i] < limit:
            out[i] = 0
        else:
            out[i] = 255
""",
    ),
    (
        "transpose",
        """\
def transpose(x, out):
    tile = cuda.shared.array((32, 32), float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    c, r = cuda.grid(2)
    if r < x.shape[0] and c < x.shape[1]:
        tile[ty, tx ^ ty] = x[r, c]
    cuda.syncthreads()
    r2, c2 = cuda.blockIdx.x * 32 + ty, cuda.blockIdx.y * 32 + tx
    if r2 < out.shape[0] and c2 < out.shape[1]:
        out[r2, c2] = tile[tx, ty ^ tx]
""",
    ),
    (
        "matmul",
        """\
def matmul(a, b, out):
    sa = cuda.shared.array((16, 17), float32)
    sb = cuda.shared.array((16, 17), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    s = float32(0)
    for k0 in range((a.shape[1] + 15) // 16):
        k = k0 * 16
        inside = i < a.shape[0] and k + x < a.shape[1]
        sa[y, x] = a[i, k + x] if inside else float32(0)
        inside = j < b.shape[1] and k + y < b.shape[0]
        sb[y, x] = b[k + y, j] if inside else float32(0)
        cuda.syncthreads()
        for q in range(min(16, a.shape[1] - k)):
            s += sa[y, q] * sb[q, x]
        cuda.syncthreads()
    if i < out.shape[0] and j < out.shape[1]:
        out[i, j] = s
""",
    ),
    (
        "why_slow",
        """\
def why_slow(x, scale, out):
    tile = cuda.shared.array((8, 32), float32)
    c, r = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    if r < x.shape[0] and c < x.shape[1]:
        tile[ty, tx] = x[r, c] * scale
    cuda.syncthreads()
    if r < x.shape[0] and c < x.shape[1]:
        v = tile[ty, tx]
        out[r, c] = v if v > 0 else v * float32(0.5)
""",
    ),
    (
        "convolve",
        """\
def convolve(image, weights, out):
    tile = cuda.shared.array((18, 18), float32)
    w = cuda.shared.array((3, 3), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    t = y * 16 + x
    if t < 9:
        w[t // 3, t % 3] = weights[t // 3, t % 3]
    x0, y0 = cuda.blockIdx.x * 16 - 1, cuda.blockIdx.y * 16 - 1
    k = t
    while k < 324:
        i, j = k // 18, k % 18
        r, c = y0 + i, x0 + j
        if r >= 0 and r < image.shape[0] and c >= 0 and c < image.shape[1]:
            tile[i, j] = image[r, c]
        else:
            tile[i, j] = 0
        k += 256
    cuda.syncthreads()
    c, r = cuda.grid(2)
    if r < out.shape[0] and c < out.shape[1]:
        s = float32(0)
        for i in range(3):
            for j in range(3):
                s += w[i, j] * tile[y + i, x + j]
        out[r, c] = s
""",
    ),
    (
        "reverse_block",
        """\
def reverse_block(x, out):
    s = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    b = cuda.blockIdx.x * 64
    s[63 - t] = x[b + t]
    cuda.syncthreads()
    out[b + t] = s[t]
""",
    ),
    (
        "block_sum",
        """\
def block_sum(x, sums):
    s = cuda.shared.array(1, int32)
    i = cuda.grid(1)
    if cuda.threadIdx.x == 0:
        s[0] = 0
    cuda.syncthreads()
    if i < x.size:
        cuda.atomic.add(s, 0, x[i])
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x] = s[0]
""",
    ),
    (
        "block_sum",
        """\
def block_sum(x, sums):
    s = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    s[t] = 0
    if i < x.size:
        s[t] = x[i]
    cuda.syncthreads()
    d = 1
    while d < 64:
        if t % (2 * d) == 0:
            s[t] += s[t + d]
        cuda.syncthreads()
        d *= 2
    if t == 0:
        sums[cuda.blockIdx.x] = s[0]
""",
    ),
    (
        "warp_sum",
        """\
def warp_sum(x, sums):
    i = cuda.grid(1)
    v = int32(0)
    if i < x.size:
        v = x[i]
    for k in range(5):
        v += cuda.shfl_xor_sync(0xFFFFFFFF, v, 1 << k)
    if cuda.threadIdx.x % 32 == 0:
        sums[i // 32] = v
""",
    ),
    (
        "histogram",
        """\
def histogram(values, counts):
    s = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    s[t] = 0
    cuda.syncthreads()
    i = cuda.grid(1)
    while i < values.size:
        cuda.atomic.add(s, values[i], 1)
        i += cuda.gridsize(1)
    cuda.syncthreads()
    if s[t] > 0:
        cuda.atomic.add(counts, t, s[t])
""",
    ),
    (
        "scan_block",
        """\
def scan_block(x, out):
    s = cuda.shared.array((2, 64), int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    s[0, t] = x[i]
    cuda.syncthreads()
    src = 0
    d = 1
    while d < 64:
        v = s[src, t]
        if t >= d:
            v += s[src, t - d]
        s[1 - src, t] = v
        src = 1 - src
        cuda.syncthreads()
        d *= 2
    out[i] = s[src, t]
""",
    ),
    (
        "softmax_rows",
        """\
def softmax_rows(x, out):
    s = cuda.shared.array(32, float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    m = float32(-np.inf)
    for j in range(t, x.shape[1], 32):
        m = max(m, x[r, j])
    s[t] = m
    cuda.syncthreads()
    for k in range(32):
        m = max(m, s[k])
    cuda.syncthreads()
    e = float32(0)
    for j in range(t, x.shape[1], 32):
        e += math.exp(x[r, j] - m)
    s[t] = e
    cuda.syncthreads()
    total = float32(0)
    for k in range(32):
        total += s[k]
    for j in range(t, x.shape[1], 32):
        out[r, j] = math.exp(x[r, j] - m) / total
""",
    ),
    (
        "spmv",
        """\
def spmv(data, indices, starts, x, out):
    r = cuda.grid(1)
    if r >= starts.size - 1:
        return
    out[r] = 0
    for k in range(starts[r], starts[r + 1]):
        out[r] += data[k] * x[indices[k]]
""",
    ),
    (
        "mean_of_ten",
        """\
def mean_of_ten(x, out):
    i = cuda.grid(1)
    if i < out.size:
        s = x[10 * i]
        for k in range(1, 10):
            s += x[10 * i + k]
        out[i] = s * float32(0.1)
""",
    ),
    (
        "horner",
        """\
def horner(c, x, out):
    i = cuda.grid(1)
    if i < out.size:
        v = x[i]
        s = c[0]
        for k in range(1, c.size):
            s = s * v + c[k]
        out[i] = s
""",
    ),
]
FUNCTIONS = [
    (
        "training_cost",
        """\
def training_cost(f, t, u, n, d):
    return f / (u * t * 3.6e15) * d
""",
    ),
    (
        "fits",
        """\
def fits(gpus, m, b):
    cost = {n: h * d for n, g, h, d in gpus if d and g >= m}
    return sorted((n for n in cost if cost[n] <= b), key=cost.get)
""",
    ),
    (
        "blocks_for",
        """\
def blocks_for(n, threads):
    return (n + threads - 1) // threads or 1
""",
    ),
    (
        "sectors_touched",
        """\
def sectors_touched(s, b, o):
    return len(set((o + s * k) * b // 32 for k in range(32)))
""",
    ),
    (
        "resident_blocks",
        """\
def resident_blocks(t, r, s, w, m):
    n = (t + 31) // 32
    k = [w // n, 65536 // (r * n * 32)]
    if s: k.append(m // s)
    return min(k)
""",
    ),
    (
        "warps_to_hide",
        """\
def warps_to_hide(l, w):
    return 1 + -(-l // w)
""",
    ),
    (
        "peak_tflops",
        """\
def peak_tflops(a, b, c):
    return 2e-6 * a * b * c
""",
    ),
    (
        "loads_in_flight",
        """\
def loads_in_flight(l, b, n):
    return -(-(l * b) // n)
""",
    ),
]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "source"), KERNELS, ids=[n for n, _ in KERNELS]
)
def test_another_kernel_that_is_right_passes(name, source):
    result = check(name, find(name).load(KERNEL + source))
    assert result.passed, result


@pytest.mark.parametrize(
    ("name", "source"), FUNCTIONS, ids=[n for n, _ in FUNCTIONS]
)
def test_another_function_that_is_right_passes(name, source):
    result = check(name, find(name).load(source))
    assert result.passed, result
