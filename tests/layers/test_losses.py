"""The losses against PyTorch and differences, at their limits, and traced."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gpu_course import cuda
from gpu_course.cuda.kernel import Kernel
from gpu_course.layers import loss_kernels, losses

FEW = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


def kernel_squared_error(prediction, target, reduction="sum"):
    result, gradient = np.empty(1, np.float32), np.empty_like(prediction)
    loss_kernels.launch_squared_error(prediction, target, result, reduction)
    loss_kernels.launch_squared_error_gradient(
        prediction, target, gradient, reduction
    )
    return result[0], gradient


def kernel_cross_entropy(logits, labels, reduction="mean", smoothing=0.0):
    rows, result = np.empty(len(logits), np.float32), np.empty(1, np.float32)
    gradient = np.empty_like(logits)
    loss_kernels.launch_cross_entropy(
        logits, labels, rows, gradient, reduction, smoothing
    )
    scale = 1 / len(logits) if reduction == "mean" else 1
    loss_kernels.launch_sum(rows, result, scale)
    return result[0], gradient


def kernels_in_three(logits, labels, reduction="mean"):
    rows, gradient = np.empty(len(logits), np.float32), np.empty_like(logits)
    loss_kernels.launch_cross_entropy_in_three(
        logits, labels, rows, gradient, reduction
    )
    return rows, gradient


def close(got, expected, tolerance=1e-5):
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape
    largest = max(np.abs(expected).max(initial=0), 1e-6)
    assert np.abs(got - expected).max(initial=0) <= tolerance * largest


def differences(function, x, step=1e-5):
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + step
        above = function()
        x[index] = old - step
        result[index] = (above - function()) / (2 * step)
        x[index] = old
    return result


# Squared error


@FEW
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.sampled_from(["sum", "mean"]),
    seeds,
)
def test_squared_error_agrees_with_pytorch(shape, reduction, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, *shape)).astype(np.float32)
    tensor = torch.tensor(a, requires_grad=True)
    expected = functional.mse_loss(
        tensor, torch.tensor(b), reduction=reduction
    )
    (expected / 2).backward()
    half = expected.item() / 2
    close(losses.squared_error(a, b, reduction), half)
    close(losses.squared_error_gradient(a, b, reduction), tensor.grad)
    loss, gradient = kernel_squared_error(a, b, reduction)
    close(loss, half)
    close(gradient, tensor.grad)
    a, b = a.astype("d"), b.astype("d")
    close(
        losses.squared_error_gradient(a, b, reduction),
        differences(lambda: losses.squared_error(a, b, reduction), a),
        1e-7,
    )


def test_squared_error_of_many_elements():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100_003)).astype(np.float32)
    close(kernel_squared_error(a, b)[0], losses.squared_error(a, b))


def test_squared_error_at_its_limits():
    none = np.empty((0, 3), np.float32)
    assert losses.squared_error(none, none) == 0
    assert kernel_squared_error(none, none.copy())[0] == 0
    for function in (losses.squared_error, kernel_squared_error):
        with pytest.raises(ValueError, match="mean over no examples"):
            function(none, none.copy(), "mean")
        with pytest.raises(ValueError, match="'sum' or 'mean', got 'max'"):
            function(np.ones(2, "f"), np.ones(2, "f"), "max")
        with pytest.raises(ValueError, match=r"\(2,\)"):
            function(np.ones((3, 2), "f"), np.ones(2, "f"))
        with pytest.raises(TypeError, match="got int64"):
            function(np.ones(2, np.int64), np.ones(2, "f"))
        with pytest.raises(TypeError, match="got int64"):
            function(np.ones(2, "f"), np.ones(2, np.int64))
    nan = np.array([1, np.nan], "f")
    assert np.isnan(losses.squared_error(nan, np.ones(2, "f")))
    loss, gradient = kernel_squared_error(nan, np.ones(2, "f"))
    assert np.isnan(loss)
    assert np.array_equal(gradient, [0, np.nan], equal_nan=True)


# Cross-entropy


@st.composite
def examples(draw, scales=(0.1, 1, 100, 1e4)):
    rows, classes = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    rng = np.random.default_rng(draw(seeds))
    scale = draw(st.sampled_from(scales))
    logits = rng.uniform(-scale, scale, (rows, classes)).astype(np.float32)
    return logits, rng.integers(0, classes, rows)


@FEW
@given(
    examples(), st.sampled_from(["sum", "mean"]), st.sampled_from([0, 0.1, 1])
)
def test_cross_entropy_agrees_with_pytorch(example, reduction, smoothing):
    logits, labels = example
    tensor = torch.tensor(logits, requires_grad=True)
    expected = functional.cross_entropy(
        tensor,
        torch.tensor(labels),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    expected.backward()
    arguments = logits, labels, reduction, smoothing
    close(losses.cross_entropy(*arguments), expected.item())
    close(losses.cross_entropy_gradient(*arguments), tensor.grad)
    loss, gradient = kernel_cross_entropy(*arguments)
    close(loss, expected.item())
    close(gradient, tensor.grad)
    close(losses.softmax(logits), torch.softmax(tensor, 1).detach())
    close(losses.log_sum_exp(logits), torch.logsumexp(tensor, 1).detach())
    if smoothing == 0:
        rows, gradient = kernels_in_three(logits, labels, reduction)
        scale = len(rows) if reduction == "mean" else 1
        close(rows.sum(dtype="d") / scale, expected.item())
        close(gradient, tensor.grad)


@FEW
@given(
    examples((0.1, 3)),
    st.sampled_from(["sum", "mean"]),
    st.sampled_from([0, 0.1]),
    st.sampled_from([0.5, 1, 3]),
)
def test_cross_entropy_agrees_with_differences(
    example, reduction, smoothing, temperature
):
    logits, labels = example[0].astype("d"), example[1]
    rest = labels, reduction, smoothing, temperature
    close(
        losses.cross_entropy_gradient(logits, *rest),
        differences(lambda: losses.cross_entropy(logits, *rest), logits),
        1e-7,
    )


def test_temperature_divides_the_logits():
    logits = np.array([[1, 2, 4], [0, 0, 8]], np.float32)
    close(losses.softmax(logits, 2), losses.softmax(logits / 2))
    labels = np.array([0, 2])
    close(
        losses.cross_entropy(logits, labels, temperature=4),
        losses.cross_entropy(logits / 4, labels),
    )
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="temperature must be positive"):
            losses.softmax(logits, wrong)


@pytest.mark.parametrize("large", [1e4, -1e4, 3e38])
def test_large_logits_neither_overflow_nor_warn(large, recwarn):
    logits = np.array([[large, 0, 0], [large, large, large]], np.float32)
    labels = np.array([0, 1])
    first = 0.0 if large > 0 else -large + np.log(2)
    expected = (first + np.log(3)) / 2
    close(losses.cross_entropy(logits, labels), expected)
    loss, gradient = kernel_cross_entropy(logits, labels)
    close(loss, expected)
    close(gradient, losses.cross_entropy_gradient(logits, labels))
    assert not list(recwarn)


def test_one_class_is_certain():
    logits, labels = np.array([[7], [-1e4]], np.float32), np.zeros(2, int)
    for loss, gradient in (
        (
            losses.cross_entropy(logits, labels),
            losses.cross_entropy_gradient(logits, labels),
        ),
        kernel_cross_entropy(logits, labels),
        kernels_in_three(logits, labels),
    ):
        assert not np.any(loss)
        assert not gradient.any()


def test_no_rows():
    logits, labels = np.empty((0, 3), np.float32), np.empty(0, int)
    assert losses.cross_entropy(logits, labels, "sum") == 0
    gradient = losses.cross_entropy_gradient(logits, labels, "sum")
    assert gradient.shape == (0, 3)
    assert losses.softmax(logits).shape == (0, 3)
    assert kernel_cross_entropy(logits, labels, "sum")[0] == 0
    for function in (
        losses.cross_entropy,
        losses.cross_entropy_gradient,
        kernels_in_three,
    ):
        with pytest.raises(ValueError, match="mean over no examples"):
            function(logits, labels)


def test_nan_stays_in_its_row():
    logits = np.array([[0, np.nan, 1], [0, 1, 2]], np.float32)
    labels = np.array([0, 2])
    assert np.isnan(losses.cross_entropy(logits, labels))
    assert np.isnan(kernel_cross_entropy(logits, labels)[0])
    for gradient in (
        losses.cross_entropy_gradient(logits, labels),
        kernel_cross_entropy(logits, labels)[1],
        kernels_in_three(logits, labels)[1],
    ):
        assert np.isnan(gradient[0]).all()
        assert np.isfinite(gradient[1]).all()


def test_minus_infinity_is_a_class_that_cannot_be():
    logits = np.array([[0, -np.inf, 0]], np.float32)
    labels = np.array([2])
    close(losses.cross_entropy(logits, labels), np.log(2))
    close(losses.softmax(logits), [[0.5, 0, 0.5]])
    rows, gradient = kernels_in_three(logits, labels)
    close(rows, [np.log(2)])
    close(gradient, [[0.5, 0, -0.5]])
    loss, gradient = kernel_cross_entropy(logits, labels)
    close(loss, np.log(2))
    close(gradient, [[0.5, 0, -0.5]])


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (np.ones((2, 3), int), [0, 1], TypeError, "got int64"),
        (np.ones((2, 3), "f"), [0.0, 1], TypeError, "integers.* got float64"),
        (
            np.ones((2, 3), "f"),
            [0, 3],
            ValueError,
            "label 3 in row 1 must be a class",
        ),
        (np.ones((2, 3), "f"), [-1, 0], ValueError, "label -1 in row 0"),
        (np.ones((2, 3), "f"), [0], ValueError, r"\(2,\).* got \(1,\)"),
        (np.ones(3, "f"), [0], ValueError, r"axes \(N, C\), got .* \(3,\)"),
        (np.ones((1, 0), "f"), [0], ValueError, "at least one class"),
    ],
)
def test_what_is_no_example(logits, labels, error, message):
    for function in (
        losses.cross_entropy,
        losses.cross_entropy_gradient,
        kernel_cross_entropy,
        kernels_in_three,
    ):
        with pytest.raises(error, match=message):
            function(logits, np.array(labels))


def test_lists_are_no_arrays():
    with pytest.raises(TypeError, match=r"labels must be .* got list"):
        losses.cross_entropy(np.ones((2, 3), "f"), [0, 1])
    with pytest.raises(TypeError, match=r"logits must be .* got list"):
        losses.softmax([[1.0, 2.0]])


def test_device_arrays_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 3)).astype(np.float32)
    labels = np.array([0, 2, 1, 2])
    rows = cuda.device_array(4, np.float32)
    gradient = cuda.device_array((4, 3), np.float32)
    z, where = cuda.to_device(logits), cuda.to_device(labels)
    loss_kernels.launch_cross_entropy(z, where, rows, gradient)
    close(rows.copy_to_host().mean(), losses.cross_entropy(logits, labels))
    close(
        gradient.copy_to_host(), losses.cross_entropy_gradient(logits, labels)
    )
    with pytest.raises(ValueError, match="label 3 in row 0"):
        loss_kernels.launch_cross_entropy(
            z, cuda.to_device(labels + 3), rows, gradient
        )


def test_what_is_no_launch():
    logits, labels = np.ones((2, 3), "f"), np.array([0, 1])
    with pytest.raises(TypeError, match="logits must be float32, got float64"):
        kernel_cross_entropy(logits.astype("d"), labels)
    with pytest.raises(ValueError, match=r"from 0 to 1, got 1\.5"):
        kernel_cross_entropy(logits, labels, "mean", 1.5)
    with pytest.raises(ValueError, match="'sum' or 'mean', got 'none'"):
        kernel_cross_entropy(logits, labels, "none")
    with pytest.raises(ValueError, match="at most 12288 classes, got 20000"):
        kernel_cross_entropy(np.ones((1, 20_000), "f"), labels[:1])
    with pytest.raises(ValueError, match=r"losses must have the shape \(2,\)"):
        loss_kernels.launch_cross_entropy(logits, labels, logits[0], logits)
    with pytest.raises(ValueError, match="result must have the shape"):
        loss_kernels.launch_sum(logits, np.empty(2, "f"))


# Traced


def traced(call):
    """Return {kernel: report} of a call, each launch checked."""
    reports = {}

    def watched(self, launcher, arguments):
        self.check[launcher.configuration](*arguments)
        reports[self.__name__] = self.trace[launcher.configuration](*arguments)
        plain(self, launcher, arguments)

    plain = Kernel._launch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "_launch", watched)
        call()
    return reports


def test_one_kernel_moves_half_the_bytes_of_three():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 64)).astype(np.float32)
    labels = np.array([0, 63, 5])
    fused = traced(lambda: kernel_cross_entropy(logits, labels))
    three = traced(lambda: kernels_in_three(logits, labels))
    assert set(fused) == {"cross_entropy_kernel", "sum_kernel"}
    assert len(three) == 3
    one = fused["cross_entropy_kernel"]
    # Logits read and gradient written, a loss written a row, and the labels.
    assert one.bytes_moved == 2 * logits.nbytes + 4 * 3 + 8 * 32 * 3
    together = sum(report.bytes_moved for report in three.values())
    assert together > 2 * one.bytes_moved
    assert one.coalescing_efficiency > 0.9
    assert one.max_bank_conflict == 1


def test_the_squared_error_kernels_have_no_findings():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300)).astype(np.float32)
    reports = traced(lambda: kernel_squared_error(a, b))
    assert len(reports) == 3
    for report in reports.values():
        assert report.max_bank_conflict == 1
    gradient = reports["squared_error_gradient_kernel"]
    assert gradient.coalescing_efficiency > 0.95


def test_no_kernel_computes_in_float64():
    loss_kernels.rehearse()
    kernels = [v for v in vars(loss_kernels).values() if isinstance(v, Kernel)]
    assert len(kernels) == 7
    for kernel in kernels:
        for signature in kernel.recorded:
            assert ".f64" not in kernel.inspect_ptx("8.0", signature)


def test_a_row_of_minus_infinities_has_no_nan():
    logits = np.array([[-np.inf, -np.inf], [0, -np.inf]], np.float32)
    np.testing.assert_array_equal(losses.log_sum_exp(logits), [-np.inf, 0])
