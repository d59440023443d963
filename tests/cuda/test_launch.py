"""Which executor runs a launch, what it takes, and what it says of faults."""

import functools
import inspect
import math
import textwrap

import numpy as np
import pytest
from numba import float32, float64, int32, int64

from gpu_course import cuda
from gpu_course.cuda import executor, launch
from gpu_course.cuda.errors import LaunchError
from gpu_course.cuda.launch import Version

EXECUTORS = ("python", "traced", "compiled")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Let no kernel be compiled on the disk already, nor an executor set."""
    monkeypatch.delenv("GPU_COURSE_CUDA", raising=False)
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path_factory.mktemp("data")))


class Runs(list):
    """The executors that ran launches, in order."""

    def __init__(self, patch):
        plain, compiled = Version.run_generators, executor.run

        def run_generators(version, launcher, hosts, trace=False, **more):
            self.append("traced" if trace else "python")
            return plain(version, launcher, hosts, trace, **more)

        def run(*arguments):
            self.append("compiled")
            return compiled(*arguments)

        patch.setattr(Version, "run_generators", run_generators)
        patch.setattr(executor, "run", run)


@pytest.fixture
def runs(monkeypatch):
    return Runs(monkeypatch)


@pytest.fixture
def no_compiler(monkeypatch):
    def load(*_):
        raise AssertionError("a kernel is compiled")

    monkeypatch.setattr(executor.Compiled, "load", load)


def increment(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] += 1


def line_of(function, text):
    """Return the number, in this file, of the line of a function."""
    lines, first = inspect.getsourcelines(function)
    found = [n for n, line in enumerate(lines, first) if text in line]
    assert len(found) == 1, text
    return found[0]


# The choice of the executor


def reversed_in_blocks(x):
    tile = cuda.shared.array(8, int64)
    t = cuda.threadIdx.x
    tile[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    x[cuda.grid(1)] = tile[7 - t]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (increment, np.arange(1, 17)),
        (reversed_in_blocks, np.arange(16).reshape(2, 8)[:, ::-1].ravel()),
    ],
)
def test_a_first_small_launch_compiles_nothing(
    function, expected, no_compiler
):
    x = np.arange(16)
    cuda.jit(function)[2, 8](x)
    assert np.array_equal(x, expected)


@pytest.mark.parametrize("limit", ["MOST_THREADS", "MOST_BYTES"])
def test_a_big_launch_is_compiled_at_once(limit, runs, monkeypatch):
    monkeypatch.setattr(launch, limit, 63)
    x = np.arange(60)
    cuda.jit(increment)[2, 32](x)
    assert runs == ["compiled"]
    assert np.array_equal(x, np.arange(1, 61))


def test_later_launches_use_what_is_compiled(runs, monkeypatch):
    kernel = cuda.jit(increment)
    x = np.arange(60)
    kernel[1, 64](x)
    with monkeypatch.context() as patch:
        patch.setattr(launch, "MOST_THREADS", 63)
        kernel[1, 64](x)
    kernel[1, 64](x)
    kernel[2, 32](x)
    assert runs == ["python", "compiled", "compiled", "compiled"]
    assert np.array_equal(x, np.arange(4, 64))
    kernel[1, 64](x.astype(np.int8))  # which is another kernel
    assert runs[4:] == ["python"]


def test_the_patience_is_for_all_launches_together(runs, monkeypatch):
    kernel = cuda.jit(increment)
    x = np.zeros(40)
    kernel[1, 64](x)
    version = next(iter(kernel.versions.values()))
    assert 0 < version.plain_s < launch.PATIENCE_S
    version.plain_s = launch.PATIENCE_S
    kernel[1, 64](x)
    assert runs == ["python", "compiled"]
    assert np.array_equal(x, np.full(40, 2))


def slowly(x, y, steps):
    i = cuda.grid(1)
    if i < x.shape[0]:
        x[i] += 1
        total = 0
        for k in range(steps):
            total += k
        y[i] += total


@pytest.fixture
def impatient(runs, monkeypatch):
    monkeypatch.setattr(launch, "PATIENCE_S", 0.004)
    return runs


@pytest.fixture(scope="module")
def slow_kernel():
    return cuda.jit(slowly)


def outlasts(kernel, runs, *arguments):
    """Launch for longer than plain Python gets, compiled or not before."""
    for version in kernel.versions.values():
        version.plain_s = 0
        for made in version._variants.values():
            made.function = made.path = None
    kernel[2, 32](*arguments, 5000)
    assert runs == ["python", "compiled"]


TOTAL = sum(range(5000))


def test_host_arrays_are_put_back(slow_kernel, impatient):
    """Each is then changed exactly once."""
    x, y = np.zeros(50), np.zeros(50)
    outlasts(slow_kernel, impatient, x, y)
    assert set(x) == {1}
    assert set(y) == {TOTAL}


def test_device_arrays_are_put_back(slow_kernel, impatient):
    x, y = cuda.to_device(np.zeros(50)), cuda.to_device(np.ones(50))
    outlasts(slow_kernel, impatient, x, y)
    assert set(x.copy_to_host()) == {1}
    assert set(y.copy_to_host()) == {1 + TOTAL}


def test_views_of_one_device_array_are_put_back(slow_kernel, impatient):
    both = cuda.to_device(np.zeros(60))
    outlasts(slow_kernel, impatient, both[:40], both[20:])
    expected = np.zeros(60)
    expected[:40] += 1
    expected[20:] += TOTAL
    assert np.array_equal(both.copy_to_host(), expected)


def test_host_arrays_that_overlap_are_put_back(slow_kernel, impatient):
    """Each is copied, as on a GPU, and copied back in order."""
    both = np.zeros(60)
    outlasts(slow_kernel, impatient, both[:40], both[20:])
    expected = np.zeros(60)
    expected[:40] = 1
    expected[20:] = TOTAL
    assert np.array_equal(both, expected)


def test_arrays_in_a_tuple_are_put_back_too(impatient):
    @cuda.jit
    def kernel(pair, steps):
        i = cuda.grid(1)
        pair[0][i] += 1
        total = 0
        for k in range(steps):
            total += k
        pair[1][i] += total

    x, y = np.zeros(64), np.zeros(64)
    kernel[2, 32]((x, y), 5000)
    assert impatient == ["python", "compiled"]
    assert set(x) == {1}
    assert set(y) == {TOTAL}


def test_read_only_and_strided_arrays_are_put_back(impatient):
    @cuda.jit
    def kernel(table, x, count):
        i = cuda.grid(1)
        for k in range(1000):
            x[i] += table[k % 4]
        cuda.atomic.add(count, 0, 1)
        cuda.atomic.add(count, 0, 1)

    table = np.ones(4)
    table.flags.writeable = False
    whole, count = np.zeros((64, 3)), np.zeros(1, np.int64)
    kernel[2, 32](table, whole[:, 1], count)
    assert impatient == ["python", "compiled"]
    assert count[0] == 128
    assert set(whole[:, 1]) == {1000}
    assert not whole[:, [0, 2]].any()


@pytest.mark.parametrize("choice", EXECUTORS)
def test_an_executor_can_be_forced(choice, runs, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = np.arange(10)
    cuda.jit(increment)[1, 16](x)
    assert runs == [choice]
    assert np.array_equal(x, np.arange(1, 11))


@pytest.mark.parametrize("choice", ["numba", "cpu", "1"])
def test_an_unknown_executor_is_refused(choice, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = np.zeros(4)
    with pytest.raises(
        ValueError, match=f"gpu, compiled, traced, python.* got '{choice}'"
    ):
        cuda.jit(increment)[1, 4](x)
    assert not x.any()


def mixed(x, whole, real, narrow):
    i = cuda.grid(1)
    if i < x.size:
        v = x[i]
        narrow[i] = (v * v + 3) / (v + float32(0.1)) + whole[i] % 7
        real[i] = math.exp(v) * math.sin(1e3 * v) + math.sqrt(abs(v)) ** 3
        real[i] += v // float32(0.3) + v % -0.7
        whole[i] = whole[i] * 6364136223846793005 + (whole[i] >> 3) - i // 3


def test_a_result_does_not_depend_on_the_size_of_the_grid(runs):
    """A part that runs in Python has the bits of the compiled whole."""
    drawn = np.random.default_rng(3)
    size = launch.MOST_THREADS + 500
    x = drawn.normal(size=size).astype(np.float32)
    x[:4] = 0, -0.0, np.inf, np.nan
    given = (
        x,
        drawn.integers(-(2**63), 2**63 - 1, size),
        np.zeros(size),
        np.zeros(size, np.float32),
    )
    few = [a[:300].copy() for a in given]
    kernel = cuda.jit(mixed)
    kernel[3, 100](*few)
    kernel[-(-size // 128), 128](*given)
    assert runs == ["python", "compiled"]
    for part, whole in zip(few, given, strict=True):
        assert part.tobytes() == whole[:300].tobytes()


TABLE, STEP = np.arange(4), 10


def looks_up(x):
    i = cuda.grid(1)
    if i < x.size:
        x[i] = TABLE[i % 4] + STEP


@pytest.mark.parametrize("choice", ["", *EXECUTORS])
def test_captured_values_are_those_of_the_first_launch(choice, monkeypatch):
    """As Numba has it. Otherwise the result would depend on the executor."""
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    monkeypatch.setattr(launch, "MOST_THREADS", 31)
    monkeypatch.setattr(f"{__name__}.TABLE", np.arange(4))
    kernel = cuda.jit(looks_up)
    few, many = np.zeros(4, np.int64), np.zeros(32, np.int64)
    kernel[1, 4](few)
    TABLE[0] = 100
    monkeypatch.setattr(f"{__name__}.STEP", 1000)
    kernel[1, 32](many)
    kernel[1, 4](few)
    assert few.tolist() == [10, 11, 12, 13]
    assert many.tolist() == [10, 11, 12, 13] * 8
    # Another type is another kernel, which is compiled today.
    single = np.zeros(4, np.float32)
    kernel[1, 4](single)
    assert single.tolist() == [1100, 1001, 1002, 1003]


def prints(x):
    print("thread", cuda.threadIdx.x, x[cuda.threadIdx.x])


def spins(x):
    if cuda.blockIdx.x == 0:
        while cuda.atomic.add(x, 0, 0) < 1:
            pass
        x[1] = 5
    else:
        cuda.atomic.add(x, 0, 1)


def syncs(x):
    grid = cuda.cg.this_grid()
    i = cuda.grid(1)
    old = x[3 - i]
    grid.sync()
    x[i] = old + 10


def halves(x):
    i = cuda.grid(1)
    x[i] = x[i] * x[i] + x[i]


@pytest.mark.parametrize("choice", ["", "compiled"])
@pytest.mark.parametrize(
    ("function", "dtype", "expected"),
    [
        (prints, np.int64, [0, 1, 2, 3]),
        (spins, np.int64, [2, 5, 2, 3]),
        (halves, np.float16, [0, 2, 6, 12]),
    ],
)
def test_what_cannot_be_compiled_runs_in_python(
    function, dtype, expected, choice, no_compiler, monkeypatch
):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = np.arange(4).astype(dtype)
    cuda.jit(function)[2, 2](x)
    assert x.tolist() == expected


@pytest.mark.parametrize("choice", ["", *EXECUTORS])
def test_blocks_that_wait_for_each_other(choice, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = np.arange(4)
    cuda.jit(syncs)[2, 2](x)
    assert x.tolist() == [13, 12, 11, 10]


def test_half_precision_is_numpy_s(no_compiler):
    x = np.random.default_rng(1).normal(size=300).astype(np.float16)
    expected = x * x + x
    cuda.jit(halves)[3, 100](x)
    assert np.array_equal(x, expected)


@pytest.mark.parametrize("choice", ["", *EXECUTORS])
def test_each_thread_prints_once(choice, monkeypatch, capsys):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    monkeypatch.setattr(launch, "PATIENCE_S", 0)  # nothing is done again
    cuda.jit(prints)[1, 3](np.arange(3) * 1.5)
    said = capsys.readouterr().out
    assert said == "thread 0 0.0\nthread 1 1.5\nthread 2 3.0\n"


# Arguments


@pytest.mark.parametrize(
    ("signature", "given", "stored"),
    [
        ("void(float64[:], float32)", 0.1, float(np.float32(0.1))),
        ("void(float64[:], int32)", 3.7, 3),
        ("void(float64[:], int64)", np.float32(-2.5), -2),
        ("void(float64[:], float64)", 3, 3),
        ("void(float64[:], uint8)", np.int64(7), 7),
        ("void(float64[:], boolean)", True, 1),
        ((float64[:], float32), np.float64(1e-3), float(np.float32(1e-3))),
    ],
)
def test_a_signature_converts_numbers(signature, given, stored):
    @cuda.jit(signature)
    def store(out, value):
        out[0] = value

    out = np.zeros(1)
    store[1, 1](out, given)
    assert out[0] == stored


@pytest.mark.parametrize("choice", EXECUTORS)
def test_a_number_that_a_signature_cannot_hold(choice, monkeypatch):
    """As in C, where numba.cuda converts it: the low bits stay."""
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)

    @cuda.jit("void(int64[:], int8)")
    def store(out, value):
        out[0] = value

    out = np.zeros(1, np.int64)
    store[1, 1](out, 300)
    assert out[0] == 300 - 256


@pytest.mark.parametrize(
    "wrong",
    [
        (np.zeros(3, np.float32), 1),
        (np.zeros((3, 3)), 1),
        (np.zeros(3), np.zeros(3)),
        (1.0, 1),
        (np.zeros(6)[::2], 1),
    ],
)
def test_what_a_signature_does_not_take_is_refused(wrong):
    @cuda.jit("void(float64[::1], int32)")
    def store(out, value):
        out[0] = value

    with pytest.raises(TypeError) as raised:
        store[1, 1](*wrong)
    message = str(raised.value)
    assert "store" in message
    assert "float64[::1], int32" in message
    assert "got" in message


def test_the_signature_that_fits_is_taken():
    @cuda.jit(["void(float32[:], float32)", "void(int64[:], int64)"])
    def store(out, value):
        out[0] = value / 2

    whole, single = np.zeros(1, np.int64), np.zeros(1, np.float32)
    store[1, 1](whole, 7.9)
    store[1, 1](single, 7)
    assert (whole[0], single[0]) == (3, 3.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["increment", "1 argument", "0"]),
        ((np.zeros(3), 2), ["increment", "1 argument", "2"]),
        (([1, 2, 3],), ["list", "array"]),
        (("abc",), ["str", "array"]),
        ((b"abc",), ["bytes", "array"]),
        (({1: 2},), ["dict", "array"]),
        ((object(),), ["object", "array"]),
        ((range(4),), ["range", "array"]),
        ((increment,), ["function", "array"]),
        ((None,), ["increment", "none", "line"]),
        ((5,), ["increment", "int64", "line"]),
        ((np.array(["a", "b"]),), ["increment", "line"]),
        ((np.array([1, None]),), ["increment", "object"]),
        ((np.zeros(3, ">f8"),), ["increment", ">f8", "astype"]),
        ((np.zeros(3, np.longdouble),), ["increment", "float128", "astype"]),
        ((2**70,), ["increment", "large"]),
    ],
)
def test_an_argument_of_no_use_is_named(arguments, words):
    """It says what was got, and for what there is a cure, the cure."""
    with pytest.raises((TypeError, ValueError, OverflowError)) as raised:
        cuda.jit(increment)[1, 4](*arguments)
    for word in words:
        assert word.lower() in str(raised.value).lower(), word


def test_none_is_an_argument_that_a_kernel_may_look_at():
    @cuda.jit
    def kernel(x, mask):
        i = cuda.grid(1)
        if mask is None:
            x[i] = 1
        else:
            x[i] = mask[i]

    x = np.zeros(4, np.int64)
    kernel[1, 4](x, None)
    assert x.tolist() == [1, 1, 1, 1]
    kernel[1, 4](x, np.arange(4))
    assert x.tolist() == [0, 1, 2, 3]


def with_default(x, value=5):
    x[cuda.grid(1)] = value


def test_arguments_are_given_by_position_and_all_of_them():
    """As in numba.cuda, whose launches take neither keywords nor defaults."""
    kernel = cuda.jit(with_default)
    x = np.zeros(4)
    kernel[1, 4](x, 3)
    assert set(x) == {3}
    with pytest.raises(TypeError, match=r"takes 2 .*got 1.*a default"):
        kernel[1, 4](x)
    with pytest.raises(TypeError, match=r"by position.*value"):
        kernel[1, 4](x, value=3)
    assert set(x) == {3}


def test_a_kernel_that_returns_a_value_is_refused():
    @cuda.jit
    def first(x):
        if x[0] > 0:
            return x[0]
        x[0] = 1

    @cuda.jit
    def nothing(x):
        x[0] += 1
        if x[0] > 5:
            return
        return None

    x = np.zeros(1)
    with pytest.raises(TypeError, match="return") as raised:
        first[1, 1](x)
    assert "first" in str(raised.value)
    nothing[1, 1](x)
    assert x[0] == 1


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ((0, 32), "blocks in a grid"),
        ((1, 0), "threads in a block"),
        ((-1, 32), "blocks in a grid"),
        ((1, (32, 0)), "threads in a block"),
        ((1, 1025), "1025"),
        ((1, (32, 32, 2)), "2048"),
        ((1, (1, 1, 65)), "65"),
        ((2**31, 1), "2147483648"),
        (((1, 65536), 1), "65536"),
        ((1.0, 32), "1.0"),
        ((1, 32.0), "32.0"),
        ((None, 32), "None"),
        ((1, "32"), "'32'"),
        (((1, 1, 1, 1), 32), "3"),
        ((1,), r"\[blocks, threads\]"),
        ((1, 2, 0, 0, 0), r"\[blocks, threads\]"),
        (4, r"\[blocks, threads\]"),
        ((1, 32, 0, -4), "-4"),
        ((1, 32, 0, 1 << 20), "1048576"),
    ],
)
def test_a_launch_configuration_that_no_gpu_takes(configuration, words):
    with pytest.raises((ValueError, TypeError), match=words):
        cuda.jit(increment)[configuration](np.zeros(4))


def test_a_kernel_without_a_configuration_says_how_to_launch_it():
    with pytest.raises(ValueError, match=r"increment\[blocks, threads\]"):
        cuda.jit(increment)(np.zeros(4))


@pytest.mark.parametrize("count", [1, 127, 128, 129, 1000])
@pytest.mark.parametrize("threads", [0, 32])
def test_forall_has_enough_threads(count, threads):
    x = np.zeros(count)
    cuda.jit(increment).forall(count, threads)(x)
    assert set(x) == {1}


def test_forall_of_none_does_nothing():
    x = np.zeros(4)
    cuda.jit(increment).forall(0)(x)
    assert not x.any()
    with pytest.raises(ValueError, match="-1"):
        cuda.jit(increment).forall(-1)(x)


# Arrays


def numbered(x):
    """Write each element's place, row by row, into an array of two axes."""
    column, row = cuda.grid(2)
    if row < x.shape[0] and column < x.shape[1]:
        x[row, column] += row * 10 + column


PLACES = 10 * np.arange(4)[:, None] + np.arange(3)
SHAPES = {
    "C": lambda: np.zeros((4, 3)),
    "Fortran": lambda: np.zeros((4, 3), order="F"),
    "rows": lambda: np.zeros((8, 3))[1::2],
    "columns": lambda: np.zeros((4, 7))[:, 1::2],
    "backwards": lambda: np.zeros((4, 3))[::-1, ::-1],
    "transposed": lambda: np.zeros((3, 4)).T,
    "of three axes": lambda: np.zeros((4, 2, 3))[:, 1],
    "of a field": lambda: np.zeros((4, 3), "f8,i4")["f0"],
    "unaligned": lambda: np.zeros((4, 3), "i1,f8")["f1"],
}


@pytest.fixture(scope="module")
def numbering():
    return cuda.jit(numbered)


@pytest.mark.parametrize("choice", EXECUTORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_host_array_is_changed_in_place(
    shape, choice, numbering, monkeypatch
):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = SHAPES[shape]()
    strides = x.strides
    numbering[(2, 2), (2, 2)](x)
    assert np.array_equal(x, PLACES)
    assert x.strides == strides
    base = x if x.base is None else x.base
    rest = (
        base["f0" if shape == "unaligned" else "f1"]
        if (base.dtype.names)
        else base
    )
    zero = rest.sum() - (0 if base.dtype.names else PLACES.sum())
    assert zero == 0  # what lies between is as it was


@pytest.mark.parametrize("choice", EXECUTORS)
def test_arrays_that_are_read_only_may_be_read(choice, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)

    @cuda.jit
    def copy(x, y, out):
        i = cuda.grid(1)
        out[i] = x[i] + y[i]

    fixed = np.arange(4.0)
    fixed.flags.writeable = False
    spread = np.broadcast_to(np.float64(10), (4,))  # all in one place
    out = np.zeros(4)
    copy[1, 4](fixed, spread, out)
    assert out.tolist() == [10, 11, 12, 13]
    with pytest.raises((TypeError, ValueError), match=r"read-?only"):
        copy[1, 4](out, out, fixed)
    assert fixed.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("choice", EXECUTORS)
def test_arrays_without_axes_and_without_elements(choice, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)

    @cuda.jit
    def kernel(none, one, out):
        out[()] = one[()] * 2 + none.size
        for i in range(none.size):
            out[()] = none[i]

    out = np.array(0.0)
    kernel[1, 1](np.zeros(0), np.array(21.0), out)
    assert out == 42


@pytest.mark.parametrize("choice", EXECUTORS)
def test_tensors_are_changed_in_place(choice, numbering, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = torch.zeros(4, 3, dtype=torch.float64)
    numbering[(2, 2), (2, 2)](x)
    assert np.array_equal(x.numpy(), PLACES)
    wide = torch.zeros(4, 7, dtype=torch.float64)
    numbering[(2, 2), (2, 2)](wide[:, 1::2])
    assert np.array_equal(wide[:, 1::2].numpy(), PLACES)
    assert not wide[:, ::2].any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda t: t.zeros(4, requires_grad=True), "detach"),
        (lambda t: t.zeros(4, dtype=t.bfloat16), "(?i)bfloat16"),
    ],
)
def test_tensors_that_numpy_cannot_have(make, words):
    torch = pytest.importorskip("torch")
    with pytest.raises((TypeError, RuntimeError), match=words):
        cuda.jit(increment)[1, 4](make(torch))


def shifted(source, target):
    i = cuda.grid(1)
    if i < source.size:
        target[i] = source[i] + 1


@pytest.fixture(scope="module")
def shifting():
    return cuda.jit(shifted)


@pytest.mark.parametrize("choice", EXECUTORS)
def test_host_arrays_that_overlap_are_apart_on_the_device(
    choice, shifting, monkeypatch
):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = np.zeros(5, np.int64)
    shifting[1, 4](x[:-1], x[1:])
    assert x.tolist() == [0, 1, 1, 1, 1]
    x = np.zeros(4, np.int64)
    shifting[1, 4](x, x)
    assert x.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("choice", EXECUTORS)
def test_device_arrays_that_overlap_are_shared(choice, shifting, monkeypatch):
    """The threads of this block run in order, so that each sees the last."""
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    x = cuda.to_device(np.zeros(5, np.int64))
    shifting[1, 4](x[:-1], x[1:])
    assert x.copy_to_host().tolist() == [0, 1, 2, 3, 4]


def test_a_device_array_and_its_host_array_are_two(shifting):
    host = np.zeros(4, np.int64)
    device = cuda.to_device(host)
    shifting[1, 4](device, host)
    assert host.tolist() == [1] * 4
    shifting[1, 4](host, device)
    assert host.tolist() == [1] * 4
    assert device.copy_to_host().tolist() == [2] * 4


# What is out of bounds


def past_the_end(x, y):
    i = cuda.grid(1)
    y[i] = i
    y[i] = x[i + 2]


def past_a_row(x, y):
    i = cuda.grid(1)
    y[i] = i
    y[i] = x[i // 4, i % 4 + 1]


def past_shared(x, y):
    tile = cuda.shared.array(6, int32)
    t = cuda.threadIdx.x
    y[cuda.grid(1)] = t
    cuda.syncthreads()
    tile[t + cuda.blockIdx.x] = 1


def past_local(x, y):
    own = cuda.local.array((2, 3), float64)
    i = cuda.grid(1)
    own[1, 2] = x[0, 0]
    y[i] = own[i // 3, 0]


def past_in_an_atomic(x, y):
    i = cuda.grid(1)
    cuda.atomic.add(y, 2 * i, 1)


@cuda.jit(device=True)
def element_of(array, k):
    return array[k, k]


def past_in_a_device_function(x, y):
    i = cuda.grid(1)
    y[i] = element_of(x, i)


def past_a_slice(x, y):
    i = cuda.grid(1)
    part = x[1:3, 2]
    y[i] = part[i]


def far_below(x, y):
    i = cuda.grid(1)
    y[i] = x[2 - 3 * i, 0]


OUTSIDE = {
    # the line's text, array, index, block and thread
    past_the_end: ("x[i + 2]", "x", (2, 0, 0), (1, 0, 0)),
    past_a_row: ("x[i // 4", "x", (3, 0, 0), (0, 0, 0)),
    past_shared: ("tile[t +", "tile", (5, 0, 0), (1, 0, 0)),
    past_local: ("own[i // 3", "own", (0, 0, 0), (1, 0, 0)),
    past_in_an_atomic: ("atomic.add(y", "y", (0, 0, 0), (1, 0, 0)),
    past_in_a_device_function: ("y[i] =", "x", (4, 0, 0), (0, 0, 0)),
    past_a_slice: ("part[i]", "x", (2, 0, 0), (0, 0, 0)),
    far_below: ("x[2 - 3", "x", (3, 0, 0), (0, 0, 0)),
}


@functools.cache
def fault(function, choice):
    """Return what a launch raises, and the array it wrote to."""
    rows = (10,) if function is past_the_end else (6, 4)
    x, y = np.arange(math.prod(rows)).reshape(rows), np.full(12, -1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPU_COURSE_CUDA", choice)
        with pytest.raises(IndexError) as raised:
            cuda.jit(function)[2, 6](x, y)
    return raised.value, y


COMPILED_NAMES = {"past_in_a_device_function": "array", "past_a_slice": "part"}


@pytest.mark.parametrize("choice", EXECUTORS)
@pytest.mark.parametrize("function", OUTSIDE, ids=lambda f: f.__name__)
def test_out_of_bounds_is_named(function, choice):
    text, array, thread, block = OUTSIDE[function]
    error, y = fault(function, choice)
    assert isinstance(error, LaunchError)
    finding = error.finding
    assert finding.kind == "out_of_bounds"
    assert finding.kernel == function.__name__
    assert finding.threads == ((block, thread),)
    in_device = function is past_in_a_device_function
    line = (
        line_of(element_of.py_func, "return")
        if in_device
        else line_of(function, text)
    )
    assert finding.line == line
    if choice == "compiled":
        # It names what the line names: a view, a parameter.
        array = COMPILED_NAMES.get(function.__name__, array)
    assert finding.array == array
    for part in (
        function.__name__,
        line,
        array,
        thread,
        block,
        finding.index[-1],
    ):
        assert str(part) in str(error)
    if function in (past_the_end, past_a_row):
        reached = 6 * block[0] + thread[0]
        assert y.tolist()[reached:] == [reached] + [-1] * (11 - reached)


@pytest.mark.parametrize("function", OUTSIDE, ids=lambda f: f.__name__)
def test_out_of_bounds_is_said_alike_by_all_executors(function):
    found = {c: fault(function, c)[0] for c in EXECUTORS}
    assert found["python"].finding == found["traced"].finding
    assert str(found["python"]) == str(found["traced"])
    # Compiled code knows the index of the axis that failed, no more.
    one, two = found["compiled"].finding, found["python"].finding
    assert (one.kind, one.line, one.threads) == (
        two.kind,
        two.line,
        two.threads,
    )
    assert set(one.index) <= set(two.index)


@pytest.mark.parametrize("choice", ["", *EXECUTORS])
def test_a_kernel_works_on_after_a_fault(choice, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)

    @cuda.jit
    def kernel(x, n):
        i = cuda.grid(1)
        if i < n:
            x[i] += 1

    small, big = np.zeros(4), np.zeros(64)
    for _ in range(2):
        with pytest.raises(IndexError, match=r"kernel, line \d+.*\(4, 0, 0\)"):
            kernel[1, 64](small, 5)
        kernel[1, 64](big, 64)
    assert small.tolist() == [2, 2, 2, 2]
    assert set(big) == {2}


def test_what_was_compiled_for_a_larger_array_checks_a_smaller(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")
    monkeypatch.setattr(launch, "MOST_THREADS", 8)

    @cuda.jit
    def kernel(x):
        x[cuda.grid(1)] += 1

    x = np.zeros(64)
    kernel[2, 32](x)
    for size in (63, 1, 0):
        rest = x.copy()
        with pytest.raises(IndexError, match=f"{size}"):
            kernel[2, 32](rest[:size])
        assert np.array_equal(rest[size:], x[size:])
    kernel[1, 4](x)
    assert x.sum() == 68


@pytest.mark.parametrize("choice", ["", *EXECUTORS])
def test_a_negative_index_counts_from_the_end(choice, monkeypatch):
    """As in code that Numba compiles, for a GPU too."""
    monkeypatch.setenv("GPU_COURSE_CUDA", choice)

    @cuda.jit
    def kernel(x, m, out):
        t = cuda.threadIdx.x
        own = cuda.local.array(3, int64)
        own[-1] = x[-t - 1]
        tile = cuda.shared.array((2, 2), int64)
        tile[-1, -2] = m[t - 2, -1]
        cuda.atomic.add(out, t - 4, own[2] * 100 + tile[1, 0])

    out = np.zeros(4, np.int64)
    kernel[1, 2](np.arange(4), np.arange(6).reshape(2, 3), out)
    assert out.tolist() == [302, 205, 0, 0]


def test_an_error_of_the_author_s_is_raised_each_time():
    @cuda.jit
    def kernel(x):
        x[0] = not_defined  # noqa: F821

    for _ in range(2):
        with pytest.raises(NameError, match=r"kernel.*not_defined"):
            kernel[1, 1](np.zeros(1))


def test_kernels_can_be_launched_from_many_threads():
    """The result of each launch is its own, whoever launches meanwhile."""
    import concurrent.futures

    kernel = cuda.jit(increment)

    def work(k):
        x = np.full(100, k)
        for _ in range(20):
            kernel[1, 128](x)
        return set(x)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    assert found == [{k + 20} for k in range(4)]


def test_a_cell_of_a_notebook_is_named_by_its_own_lines(tmp_path):
    """The line counts in the cell, whose text inspect finds."""
    import linecache

    text = textwrap.dedent("""\
        from gpu_course import cuda

        @cuda.jit
        def kernel(x):
            x[cuda.grid(1)] = 1
        """)
    name = "<cell 7>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space = {"__name__": "cells"}
    exec(compile(text, name, "exec"), space)
    with pytest.raises(IndexError, match="kernel, line 5"):
        space["kernel"][1, 4](np.zeros(3))


def test_of_a_pair_that_is_changed_later_only_the_new_value_counts(
    monkeypatch,
):
    """One half of an assignment of two is needed later, and the other not."""

    @cuda.jit
    def kernel(scale, pairs, sums):
        b = cuda.blockIdx.x
        t = cuda.threadIdx.x
        if t != 0 and b < 0:
            return
        one, two = scale, b
        one += scale
        cuda.syncthreads()
        pairs[t] = two
        sums[t] = one

    for choice in ("python", "compiled"):
        monkeypatch.setenv("GPU_COURSE_CUDA", choice)
        pairs, sums = np.ones(2), np.zeros(2)
        kernel[1, 2](np.float32(1.5), pairs, sums)
        assert list(pairs) == [0, 0], choice
        assert list(sums) == [3, 3], choice


@pytest.mark.parametrize("choice", ["python", "traced", "compiled"])
@pytest.mark.parametrize("mask", [0xFFFFFFFE, 1 << 32, 0x0000FFFF])
def test_a_lane_must_be_in_its_own_mask(choice, mask, monkeypatch):
    @cuda.jit
    def kernel(mask, out):
        t = cuda.threadIdx.x
        out[t] = cuda.shfl_xor_sync(mask, t, 1)

    monkeypatch.setenv("GPU_COURSE_CUDA", choice)
    out = np.zeros(32, np.int64)
    with pytest.raises(LaunchError, match=r"is not in the mask that it gives"):
        kernel[1, 32](mask, out)
    kernel[1, 32](0xFFFFFFFF, out)
    assert out[0] == 1


def test_threads_that_returned_stay_away_from_what_follows(monkeypatch):
    """No barrier, but a statement of the block divides the kernel."""

    @cuda.jit
    def kernel(factor, out):
        t = cuda.threadIdx.x
        b = cuda.blockIdx.x
        scale = b + 1
        if t > 1:
            return
        out[b, t, 0] = scale
        scale = scale * factor
        out[b, t, 1] = scale

    for choice in ("python", "compiled"):
        monkeypatch.setenv("GPU_COURSE_CUDA", choice)
        out = np.zeros((2, 4, 2))
        kernel[2, 4](10, out)
        expected = np.zeros((2, 4, 2))
        expected[:, :2] = [[[1, 10]], [[2, 20]]]
        assert np.array_equal(out, expected), choice
