"""The Python that kernels may use, a construct a test, as Numba has it."""

import math
from enum import IntEnum
from math import pi, sqrt
from typing import NamedTuple

import numba
import numpy as np
import pytest
from cuda_launch import clean, run
from numba import float32, float64, int32, int64, types, uint32

from gpu_course import cuda

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


MATH_1 = (
    "acos",
    "asin",
    "atan",
    "ceil",
    "cos",
    "degrees",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "fabs",
    "floor",
    "gamma",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "radians",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "acosh",
    "asinh",
    "atanh",
    "cosh",
)
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
        float(np.float32(3.1)),
        3,
        3,
        3.5,
        1,
        2**32 - 1,
        44,
        31,
    ]


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
        ("other[1, 1](x)", r"launching other .* Write other\(...\)"),
        ("other.forall(3)(x)", "launching other "),
        ("x[0] = x @ x", r"x @ x, a product .* loop over the elements"),
        ("x @= x", "x @ x, a product of arrays"),
        ("x[0] = np.dot(x, x)", r"np\.dot\(x, x\).* loop over the elements"),
        ("x[0] = x.dot(x)", r"x\.dot\(x\), on whole arrays"),
        ("x[0] = np.dot(TABLE, TABLE)", r"np\.dot"),
        ("x[0] = np.matmul(x, x)", r"np\.matmul"),
        ("x[0] = np.linalg.norm(x)", r"np\.linalg\.norm"),
        ("x[0] = np.sum(x)", r"np\.sum\(x\), on a whole array"),
        ("x[0] = np.zeros(3)[0]", r"np\.zeros\(3\).* new array.*local\.array"),
        ("d = {1: 2}\n    x[0] = d[1]", "a dict"),
        ("d = dict()\n    x[0] = len(d)", "a dict .* an array"),
        ("x[0] = len(set((1, 2)))", "a set"),
        ("x[0] = len(list((1, 2)))", r"a list .* cuda\.local\.array"),
        ("x[0] = Own().n", r"Own\(\), an object of a class.* named tuple"),
        ("x[0] = Own.n", "Own, a class,"),
        ("x[0] = OWN.n", r"OWN, an object of outside\.Own"),
        ("x[0] = NUMBERS[1]", "NUMBERS, an object of dict"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path, source, words):
    import importlib.util

    path = tmp_path / "outside.py"
    path.write_text(
        "import numpy as np\nfrom gpu_course import cuda\n\n"
        "TABLE = np.ones(3)\nNUMBERS = {1: 2}\n\n\n"
        "class Own:\n    n = 3\n\n\nOWN = Own()\n\n\n"
        "@cuda.jit\ndef other(x):\n    x[0] = 1\n\n\n"
        f"@cuda.jit\ndef outside(x):\n    {source}\n"
    )
    spec = importlib.util.spec_from_file_location("outside", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(cuda.UnsupportedKernel, match=words) as failure:
        module.outside[1, 1](np.zeros(1))
    assert "outside.py, line" in str(failure.value)
    assert "instead" in str(failure.value)


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


def test_walrus_is_refused():
    @cuda.jit
    def kernel(x, y):
        i = cuda.grid(1)
        if (value := x[i]) > 1:
            y[i] = value

    with pytest.raises(cuda.UnsupportedKernel, match=r":=.*line before"):
        kernel[1, 4](np.arange(4.0), np.zeros(4))


# Code that is never come to

NO = False


@cuda.jit(device=True)
def with_dead_code(x, i):
    if False:
        scratch = cuda.local.array(4, float32)
        scratch[0] = 1
    x[i] += 1


def chosen(value):
    """Return a kernel that closes over None, or an array."""

    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        if value is None:
            x[i] = 1
        else:
            scratch = cuda.local.array(4, float32)
            scratch[0] = value[0]
            x[i] = scratch[0]

    return kernel


@cuda.jit
def one_of_two_arrays(x):
    size = 16
    s = (
        cuda.shared.array(128, float32)
        if False
        else cuda.shared.array(size, float32)
    )
    i = cuda.grid(1)
    s[i] = i
    cuda.syncthreads()
    x[i] = s[15 - i] + s.size


@cuda.jit
def one_of_two_branches(x):
    i = cuda.grid(1)
    if False:
        s = cuda.shared.array(128, float32)
        s[i] = 1
        cuda.syncthreads()
        x[i] = s[i]
    else:
        s = cuda.shared.array(16, float32)
        s[i] = 2
        cuda.syncthreads()
        x[i] = s[15 - i]


@cuda.jit
def a_loop_never_gone_through(x):
    i = cuda.grid(1)
    while False:
        s = cuda.local.array(8, float32)
        s[0] = 1
        x[i] = s[0]
    for _ in range(0):
        s = cuda.local.array(8, float32)
        x[i] = s[0]
    x[i] += 3


@cuda.jit
def after_a_return(x):
    x[cuda.grid(1)] += 4
    return
    s = cuda.shared.array(8, float32)
    cuda.syncthreads()
    x[0] = s[0]


@cuda.jit
def waits_and_atomics(x):
    i = cuda.grid(1)
    if 0:
        cuda.atomic.add(x, 0, 1)
        x[i] = cuda.shfl_sync(-1, x[i], 0)
    if False and cuda.atomic.add(x, 0, 1) > 0:  # noqa: SIM223
        x[i] = 9
    x[i] += 5


@cuda.jit
def by_a_global(x):
    i = cuda.grid(1)
    if NO:
        s = cuda.shared.array(128, float32)
        s[i] = 1
        cuda.syncthreads()
        x[i] = s[i]
    x[i] += 6 if not NO else cuda.shared.array(4, float32)[0]


@cuda.jit
def by_a_device_function(x):
    i = cuda.grid(1)
    if False:
        with_dead_code(x, 0)
    with_dead_code(x, i)


DEAD = {
    one_of_two_arrays: 31 - np.arange(16),
    one_of_two_branches: 2,
    a_loop_never_gone_through: 3,
    after_a_return: 4,
    waits_and_atomics: 5,
    by_a_global: 6,
    by_a_device_function: 1,
    chosen(None): 1,
    chosen(np.array([8.0])): 8,
}


@pytest.mark.parametrize("kernel", DEAD, ids=lambda kernel: kernel.__name__)
@pytest.mark.parametrize("executor", ["compiled", "python", "traced"])
def test_code_that_is_never_come_to_is_left_out(kernel, executor, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    x = np.zeros(16, np.float32)
    kernel[1, 16](x)
    assert np.array_equal(x, np.broadcast_to(DEAD[kernel], 16))
    assert kernel.trace[1, 16](np.zeros(16, np.float32)).findings == []


def test_shared_memory_that_is_never_come_to_takes_no_room():
    @cuda.jit
    def kernel(x):
        if False:
            s = cuda.shared.array(60_000, float32)
        else:
            s = cuda.shared.array(4, float32)
        s[cuda.threadIdx.x] = 1
        x[cuda.grid(1)] = s[cuda.threadIdx.x]

    x = np.zeros(4)
    clean(kernel, 1, 4, x)
    assert x.tolist() == [1] * 4


def test_the_axes_of_an_array_from_outside_decide():
    table = np.ones((2, 3))

    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        if table.ndim == 2:
            x[i] = table[1, 2]
        else:
            x[i] = 5

    x = np.zeros(4)
    clean(kernel, 1, 4, x)
    assert x.tolist() == [1] * 4


MODE = 1


def test_conditions_of_constants_are_decided_as_numba_does(monkeypatch):
    """The way that isn't taken gives no type, and need not have one."""

    def body(a, n, out):
        one = a[0] if 7 > 1 else 1.5
        out[0] = one**n
        if MODE == 1:  # noqa: SIM108
            two = a[0]
        else:
            two = 0.5
        out[1] = two**n
        if MODE > 1 or MODE < 0:
            out[2] = n.nothing

    a, expected = np.array([60_000], np.uint16), np.zeros(3, np.int64)
    numba.njit(body)(a, 7, expected)
    assert expected[0] < 1 << 62  # it wrapped: it isn't a float
    kernel = cuda.jit(body)
    for executor in ("python", "traced", "compiled"):
        monkeypatch.setenv("GPU_COURSE_CUDA", executor)
        out = np.zeros(3, np.int64)
        kernel[1, 1](a, 7, out)
        assert np.array_equal(out, expected), executor


@pytest.mark.parametrize("executor", ["python", "traced", "compiled"])
@pytest.mark.parametrize("lane", [33, 64, 95])
def test_a_lane_of_shfl_sync_is_taken_modulo_32(lane, executor, monkeypatch):
    """CUDA C++ Programming Guide, "Warp Shuffle Functions"."""
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)

    @cuda.jit
    def kernel(out, lane):
        i = cuda.threadIdx.x
        out[i] = cuda.shfl_sync(0xFFFFFFFF, i, lane)

    out = np.zeros(32, np.int64)
    kernel[1, 32](out, lane)
    assert out.tolist() == [lane % 32] * 32
