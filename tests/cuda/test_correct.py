"""Correct kernels compute what NumPy does, and raise no alarm."""

import numpy as np
import pytest
from cuda_correct import CORRECT

EXECUTORS = ("compiled", "traced", "python")
# A sum of some hundred terms in another order, relative
TOLERANCE = {2: 1e-2, 4: 2e-5, 8: 1e-12}


def copies(arguments):
    """Copy the arrays among arguments; what has gaps keeps gaps."""
    return [
        a
        if not isinstance(a, np.ndarray)
        else a.copy(order="K")
        if a.flags.forc
        else np.repeat(a, 2, axis=0)[::2]
        for a in arguments
    ]


def launched(name, executor, monkeypatch):
    """Return the arguments of a kernel after a launch by one executor."""
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    entry = CORRECT[name]
    arguments = copies(entry.arguments)
    entry.kernel[entry.configuration](*arguments)
    return arguments


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("name", CORRECT)
def test_result(name, executor, monkeypatch):
    arguments = launched(name, executor, monkeypatch)
    expected = CORRECT[name].oracle(*copies(CORRECT[name].arguments))
    if not isinstance(expected, tuple):
        expected = (expected,)
    for got, right in zip(arguments[-len(expected) :], expected, strict=True):
        right = np.asarray(right)
        assert got.shape == right.shape
        if got.dtype.kind in "fc":
            size = got.real.itemsize
            np.testing.assert_allclose(got, right, rtol=TOLERANCE[size])
        else:
            np.testing.assert_array_equal(got, right)
    # Whichever executor, to the last bit
    other = launched(name, "python", monkeypatch)
    for a, b in zip(arguments, other, strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("name", CORRECT)
def test_no_finding(name):
    entry = CORRECT[name]
    before = copies(entry.arguments)
    report = entry.kernel.trace[entry.configuration](*entry.arguments)
    assert report.findings == []
    for a, b in zip(before, entry.arguments, strict=True):
        assert np.array_equal(a, b), "a trace changes no argument"
    entry.kernel.check[entry.configuration](*entry.arguments)


def test_the_suite_is_large_enough():
    assert len(CORRECT) >= 35
