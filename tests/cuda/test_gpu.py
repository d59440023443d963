"""On a GPU, kernels give what the teaching GPU gives.

Integers are equal. Floats are within a tolerance: a GPU contracts a product
and a sum into one fma, its functions of math round differently, and atomic
additions come in any order.
"""

import contextlib
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from cuda_correct import CORRECT
from test_correct import copies

from gpu_course.course import kernel_listing
from gpu_course.course.kernels_of_notebooks import run_notebook
from gpu_course.cuda import backend, compiler, kernel

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).parents[2]
# Relative, by the bytes of a float; absolute for results near zero.
TOLERANCE = {2: 1e-2, 4: 1e-4, 8: 1e-10}
NOTEBOOKS = [
    path
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    if "cuda.jit" in path.read_text(encoding="utf-8")
]


@pytest.fixture(autouse=True)
def _on_a_gpu(monkeypatch):
    monkeypatch.delenv("GPU_COURSE_CUDA", raising=False)
    native, problem = backend.try_gpu()
    if native is None:
        pytest.skip(f"numba.cuda has no GPU here: {problem}")


def assert_agree(given, configuration, arguments):
    """Launch on the GPU and on the teaching GPU, and compare all arrays."""
    results = {}
    for executor in ("gpu", "compiled"):
        results[executor] = copies(arguments)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("GPU_COURSE_CUDA", executor)
            given[configuration](*results[executor])
    for found, expected in zip(*results.values(), strict=True):
        if np.asarray(found).dtype.kind in "fc":
            size = np.asarray(found).real.dtype.itemsize
            tolerance = {"rtol": TOLERANCE[size], "atol": TOLERANCE[size]}
            np.testing.assert_allclose(found, expected, **tolerance)
        else:
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", CORRECT)
def test_correct_kernels(name):
    entry = CORRECT[name]
    assert_agree(entry.kernel, entry.configuration, entry.arguments)


@contextlib.contextmanager
def noted_launches():
    """Note each launch of a kernel, with its arguments as they were."""
    launches, launch = [], kernel.Kernel._launch

    def noted(self, launcher, arguments):
        hosts = [kernel.host_value(value) for value in arguments]
        launches.append((self, launcher.configuration, copies(hosts)))
        launch(self, launcher, arguments)

    with patch.object(kernel.Kernel, "_launch", noted):
        yield launches


def assert_all_agree(launches):
    for given, configuration, arguments in launches:
        grid, block, *rest = configuration  # the stream is gone by now
        assert_agree(given, (grid, block, 0, *rest[1:]), arguments)


def test_kernels_of_the_package():
    with noted_launches() as launches:
        kernel_listing.package_kernels(ROOT / "gpu_course")
    assert_all_agree(launches)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_kernels_of_a_notebook(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    with noted_launches() as launches:
        run_notebook(path)
    assert_all_agree(launches)


def test_the_compiler_agrees_with_the_gpu_on_registers():
    """What is compiled with no GPU is what is loaded into one."""
    native, _ = backend.try_gpu()
    capability = native.get_current_device().compute_capability
    entry = CORRECT["axpy"]
    entry.kernel[entry.configuration](*copies(entry.arguments))
    from gpu_course.cuda.gpu import native_form

    form = native_form(entry.kernel)
    (registers,) = form.get_regs_per_thread().values()
    found = compiler.resources(entry.kernel, tuple(capability))
    assert found.registers == registers
