"""Three executors and two oracles give the same bits on generated kernels.

The first oracle is Numba's compiler for the CPU, on expressions. The second
is Numba's CUDA simulator, on kernels whose arithmetic is the same in Python,
NumPy and Numba: the simulator runs a kernel as it stands, so that int8 + int8
is int8 there and int64 in compiled code. No kernel for it uses a warp
operation, which it lacks. On these kernels the bits are the same too, so no
tolerance is needed.

``gpu-course test -- -m long tests/cuda/test_agreement.py`` is the long run.
"""

import math
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from generated_expressions import Expressions
from generated_kernels import KernelWriter, imported
from generated_types import DTYPES, output_for, same, values
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from numba import typeof, types

from gpu_course import cuda

EXECUTORS = ("python", "traced", "compiled")
LANES = 40  # values of each dtype that an expression is computed of
OUTPUTS = ("int64", "uint64", "float64", "complex128")
SCALARS = ("int32", "int64", "uint64", "float32", "float64")
PARAMETERS = [
    *(f"a_{d}" for d in DTYPES),
    *(f"s_{d}" for d in SCALARS),
    *(f"o_{d}" for d in OUTPUTS),
]
SIMULATOR = """\
import pickle, sys, warnings
warnings.simplefilter("ignore")
from generated_kernels import imported
from pathlib import Path
cases = pickle.load(sys.stdin.buffer)
done = []
for number, (source, configuration, arguments) in enumerate(cases):
    source = source.replace("from gpu_course import", "from numba import")
    module = imported(Path(sys.argv[1]), f"simulated{number}", source)
    module.kernel[configuration](*arguments)
    done.append(arguments)
pickle.dump(done, sys.stdout.buffer)
"""


def rounds(count, shrink):
    """Return the settings of a test with so many examples.

    Hypothesis makes a kernel that fails smaller for up to five minutes, too
    long for every day: the long run does.
    """
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


# Hypothesis controls what these generators draw, so it can make a kernel
# that fails smaller.
randoms = st.randoms(use_true_random=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return where kernels are written, and keep their cache there too."""
    made = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPU_COURSE_DATA", str(made / "cache"))
        yield made


def kernel_of(case, folder):
    name = f"kernel{len(list(folder.iterdir()))}"
    return imported(folder, name, case.source).kernel


def launched(kernel, configuration, arguments, executor):
    """Run a kernel on one executor and return its arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPU_COURSE_CUDA", executor)
        kernel[configuration](*arguments)
    return arguments


def assert_same(names, one, two):
    for name, a, b in zip(names, one, two, strict=True):
        if isinstance(a, np.ndarray):
            equal = same(a, b)
            assert equal.all(), (name, np.argwhere(~equal)[0], a, b)


def agree(case, folder, executors=EXECUTORS):
    """Check that the executors agree on a case and the trace is clean."""
    kernel = kernel_of(case, folder)
    results = [
        launched(kernel, case.configuration, case.arguments(), executor)
        for executor in executors
    ]
    for result in results[1:]:
        assert_same(case.inputs, results[0], result)
    kernel.check[case.configuration](*case.arguments())
    return kernel, results[0]


# Expressions


def expressions(random, count):
    """Return scalars, arrays and expressions of them."""
    arrays = [values(random, dtype, LANES) for dtype in DTYPES]
    scalars = [values(random, dtype, 1)[0] for dtype in SCALARS]
    scalars = [s if s.dtype == np.float32 else s.item() for s in scalars]
    names = {
        f"v_{d}": typeof(a).dtype for d, a in zip(DTYPES, arrays, strict=True)
    }
    names |= {
        f"s_{d}": typeof(s) for d, s in zip(SCALARS, scalars, strict=True)
    }
    drawn = Expressions(random, {**names, "i": types.int64})
    texts = [drawn.draw(2) for _ in range(count)]
    return [*arrays, *scalars], texts


def written(texts):
    """Return a module with a kernel and the same as a function of i."""
    lines = [f"v_{dtype} = a_{dtype}[i]" for dtype in DTYPES]
    lines += [
        f"o_{output_for(kind)}[{row}, i] = {text}"
        for row, (text, kind) in enumerate(texts)
    ]
    body = "\n".join(f"    {line}" for line in lines)
    names = ", ".join(PARAMETERS)
    return (
        "import math\nimport numpy as np\nfrom gpu_course import cuda\n\n"
        f"@cuda.jit\ndef kernel({names}):\n    i = cuda.grid(1)\n{body}\n\n"
        f"def oracle(i, {names}):\n{body}\n"
    )


def check_expressions(random, folder, executors):
    inputs, texts = expressions(random, 40)
    name = f"expressions{len(list(folder.iterdir()))}"
    module = imported(folder, name, written(texts))
    expected = [np.zeros((len(texts), LANES), dtype) for dtype in OUTPUTS]
    oracle = numba.njit(error_model="numpy")(module.oracle)
    for i in range(LANES):
        oracle(i, *inputs, *expected)
    for executor in executors:
        outputs = [np.zeros_like(e) for e in expected]
        launched(module.kernel, (1, LANES), [*inputs, *outputs], executor)
        for one, two in zip(expected, outputs, strict=True):
            wrong = np.argwhere(~same(one, two))
            if wrong.size:
                row, lane = wrong[0]
                raise AssertionError(
                    f"{executor}: {texts[row][0]} is {two[row, lane]}, by "
                    f"Numba {one[row, lane]}, for lane {lane} of "
                    f"{dict(zip(PARAMETERS, inputs, strict=False))}"
                )


@pytest.mark.parametrize("seed", range(5))
def test_arithmetic_is_numba_s(folder, seed):
    check_expressions(random.Random(seed), folder, ("python", "traced"))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_arithmetic_is_numba_s_at_length(folder):
    for seed in range(1000, 1300):
        check_expressions(random.Random(seed), folder, EXECUTORS)


@cuda.jit
def powers_of_constants(x, out):
    i = cuda.grid(1)
    if i < x.size:
        base = 4.0
        half = 0.5
        out[0, i] = math.pow(1 << 40, x[i])
        out[1, i] = 2.0 ** x[i]
        out[2, i] = base ** x[i]
        out[3, i] = math.pow(x[i], 0.5)
        out[4, i] = abs(x[i]) ** half
        out[5, i] = pow(2, x[i])


def test_powers_of_constants_agree():
    # LLVM would make exp2 of the first: other digits for 756 of 2,000.
    x = np.random.default_rng(0).uniform(-20, 20, 2000)
    results = []
    for executor in EXECUTORS:
        out = np.zeros((6, x.size))
        launched(powers_of_constants, (20, 100), [x, out], executor)
        results.append(out)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@cuda.jit
def remainders(x, y, out):
    i = cuda.grid(1)
    if i < x.size:
        out[i] = math.fmod(x[i], y[i])


def test_fmod_of_integers_is_a_float():
    x, y = np.array([7, -7, 5]), np.array([3, 3, 0])
    for executor in EXECUTORS:
        out = np.zeros(3)
        launched(remainders, (1, 4), [x, y, out], executor)
        np.testing.assert_array_equal(out, [1.0, -1.0, np.nan])


# Kernels


def check_executors(count, folder, shrink, **size):
    """Check so many generated kernels; most of them must compile."""
    compiled = []

    @given(random=randoms)
    @rounds(count, shrink)
    def check(random):
        case = KernelWriter(random, **size).write()
        note(case)
        kernel, _ = agree(case, folder)
        compiled.append("def _launch" in kernel.lowered())

    check()
    # Else the compiled run is the plain one, which agrees with itself.
    assert sum(compiled) > 0.8 * len(compiled)


@pytest.mark.timeout(1800)  # a slow machine compiles for minutes
def test_executors_agree(folder):
    check_executors(20, folder, shrink=False, steps=2, depth=1)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_executors_agree_at_length(folder):
    check_executors(1000, folder, shrink=True)


def simulated(cases, folder):
    """Run cases in Numba's simulator, in one process; return arguments."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    text = [(c.source, c.configuration, c.arguments()) for c in cases]
    done = subprocess.run(
        [sys.executable, "-c", SIMULATOR, str(folder)],
        input=pickle.dumps(text),
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return pickle.loads(done.stdout)


def check_simulator(seeds, folder, executors):
    cases = [
        KernelWriter(random.Random(seed), tame=True, steps=3).write()
        for seed in seeds
    ]
    for case, theirs in zip(cases, simulated(cases, folder), strict=True):
        _, ours = agree(case, folder, executors)
        try:
            assert_same(case.inputs, ours, theirs)
        except AssertionError as error:
            error.add_note(repr(case))
            raise


@pytest.mark.timeout(1800)
def test_numba_s_simulator_agrees(folder):
    check_simulator(range(10), folder, ("python", "traced"))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_numba_s_simulator_agrees_at_length(folder):
    check_simulator(range(1000, 1200), folder, EXECUTORS)
