"""The layers against PyTorch, against differences, and traced."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gpu_course import cuda
from gpu_course.cuda import backend
from gpu_course.cuda.kernel import Kernel
from gpu_course.data.mnist import preload
from gpu_course.layers import activation, autograd, linear, pooling, sums
from gpu_course.layers import convolution as conv
from gpu_course.layers.train_by_kernels import (
    RECIPE,
    accuracy,
    batches,
    train_with_kernels,
)
from gpu_course.training.lenet import LeNet

FEW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


pytestmark = pytest.mark.usefixtures("one_thread")


def floats(rng, *shape, dtype=np.float32):
    return rng.normal(size=shape).astype(dtype)


def close(got, expected, tolerance=1e-5):
    """Whether the largest error is small beside the largest value."""
    if isinstance(expected, torch.Tensor):
        expected = expected.detach().numpy()
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if expected.size:
        largest = max(np.abs(expected).max(), 1e-3)
        assert np.abs(got - expected).max() <= tolerance * largest


def differences(function, x, step=1e-6):
    """Return dL/dx of a function of one array, by central differences."""
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + step
        above = function()
        x[index] = old - step
        result[index] = (above - function()) / (2 * step)
        x[index] = old
    return result


@st.composite
def convolutions(draw):
    """Return shapes, stride and padding of a convolution that fits."""
    size = st.integers(1, 4)
    n, c, k = draw(size), draw(size), draw(st.integers(1, 7))
    r, s, stride = draw(size), draw(size), draw(st.integers(1, 3))
    padding = draw(st.integers(0, 3))
    height = draw(st.integers(max(1, r - 2 * padding), 9))
    width = draw(st.integers(max(1, s - 2 * padding), 9))
    return (n, c, height, width), (k, c, r, s), stride, padding


# Convolution


@FEW
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_convolution_agrees_with_pytorch(case, seed):
    shape, filters, stride, padding = case
    rng = np.random.default_rng(seed)
    x, w, b = floats(rng, *shape), floats(rng, *filters), None
    b = floats(rng, filters[0])
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    expected = functional.conv2d(*tensors, stride=stride, padding=padding)
    dy = floats(rng, *expected.shape)
    expected.backward(torch.tensor(dy))
    close(conv.convolve(x, w, b, stride, padding), expected)
    gradients = conv.convolve_backward(x, w, dy, stride, padding)
    y, dx, dw, db = (np.full_like(a, np.nan) for a in (dy, x, w, b))
    conv.launch_convolution(x, w, b, stride, padding, y)
    conv.launch_input_gradient(dy, w, stride, padding, dx)
    conv.launch_weight_gradient(x, dy, stride, padding, dw)
    conv.launch_bias_gradient(dy, db)
    close(y, expected)
    for numpys, kernels, tensor in zip(
        gradients, (dx, dw, db), tensors, strict=True
    ):
        close(numpys, tensor.grad)
        close(kernels, tensor.grad)


@FEW
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_convolution_agrees_with_differences(case, seed):
    shape, filters, stride, padding = case
    rng = np.random.default_rng(seed)
    shape = (min(shape[0], 2), *shape[1:])
    x, w = floats(rng, *shape, dtype="d"), floats(rng, *filters, dtype="d")
    b = floats(rng, filters[0], dtype="d")
    dy = floats(rng, *conv.convolve(x, w, b, stride, padding).shape, dtype="d")

    def loss():
        return (conv.convolve(x, w, b, stride, padding) * dy).sum()

    gradients = conv.convolve_backward(x, w, dy, stride, padding)
    # The loss is linear in each argument, so a large step adds no error.
    for got, array in zip(gradients, (x, w, b), strict=True):
        close(got, differences(loss, array, 0.5), 1e-7)


def test_more_images_than_one_thread_adds_up():
    rng = np.random.default_rng(0)
    x, dy = floats(rng, 37, 2, 6, 6), floats(rng, 37, 4, 4, 4)
    dw = np.zeros((4, 2, 3, 3), np.float32)
    conv.launch_weight_gradient(x, dy, 1, 0, dw)
    close(dw, conv.convolve_backward(x, dw, dy)[1])


def test_im2col_makes_convolution_a_matrix_product():
    rng = np.random.default_rng(0)
    x, w = floats(rng, 2, 3, 7, 6), floats(rng, 4, 3, 3, 2)
    product = conv.im2col(x, (3, 2), 2, 1) @ w.reshape(4, -1).T
    expected = conv.convolve(x, w, np.zeros(4, np.float32), 2, 1)
    n, k, rows, columns = expected.shape
    close(
        np.ascontiguousarray(product.reshape(n, rows, columns, k)),
        np.ascontiguousarray(expected.transpose(0, 2, 3, 1)),
    )
    unfolded = functional.unfold(torch.tensor(x), (3, 2), padding=1, stride=2)
    assert np.array_equal(
        conv.im2col(x, (3, 2), 2, 1).reshape(n, rows * columns, -1),
        unfolded.numpy().transpose(0, 2, 1),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 5), "a window of 5 does not fit into 3 pixels with 0"),
        ((3, 2, 0), "stride and window must be at least 1 .* got 0, 2 and 0"),
        ((3, 2, 1, -1), "got 1, 2 and -1"),
    ],
)
def test_windows_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        conv.output_size(*arguments)


def test_convolution_refuses_what_does_not_fit():
    x, w = np.ones((2, 3, 5, 5), "f"), np.ones((4, 3, 3, 3), "f")
    b, y = np.ones(4, "f"), np.ones((2, 4, 3, 3), "f")
    for call in (
        lambda x, w, b: conv.convolve(x, w, b),
        lambda x, w, b: conv.launch_convolution(x, w, b, 1, 0, y),
    ):
        with pytest.raises(ValueError, match=r"same C, got \(2, 2, 5, 5\)"):
            call(x[:, :2], w, b)
        with pytest.raises(ValueError, match=r"shape \(4,\), got \(3,\)"):
            call(x, w, b[:3])
        with pytest.raises(ValueError, match=r"got the shape \(3, 5, 5\)"):
            call(x[0], w, b)
        with pytest.raises(ValueError, match="does not fit into 2 pixels"):
            call(x[:, :, :2], w, b)
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 3\), got \(2, 4, 3, 2"):
        conv.launch_convolution(x, w, b, 1, 0, y[..., :2])
    with pytest.raises(TypeError, match="x must be float32, got float64"):
        conv.launch_convolution(x.astype("d"), w, b, 1, 0, y)
    with pytest.raises(ValueError, match=r"dy must have the shape"):
        conv.convolve_backward(x, w, y, stride=2)
    with pytest.raises(ValueError, match="dw must be contiguous"):
        conv.launch_weight_gradient(
            x, y, 1, 0, np.ones((4, 3, 3, 6), "f")[..., ::2]
        )


# Pooling


@FEW
@given(st.data())
def test_max_pool_agrees_with_pytorch(data):
    size, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    shape = [data.draw(st.integers(1, 3)) for _ in "nc"]
    shape += [data.draw(st.integers(size, 9)) for _ in "hw"]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    # Few values: many windows have several maxima.
    x = rng.integers(-2, 3, shape).astype(np.float32)
    tensor = torch.tensor(x, requires_grad=True)
    expected, where = functional.max_pool2d(
        tensor, size, stride, return_indices=True
    )
    dy = floats(rng, *expected.shape)
    expected.backward(torch.tensor(dy))
    y, places = pooling.max_pool(x, size, stride)
    assert np.array_equal(y, expected.detach().numpy())
    assert np.array_equal(places, where.numpy())
    close(pooling.max_pool_backward(dy, places, x.shape), tensor.grad)
    k_y, k_places = np.empty_like(y), np.empty_like(places)
    k_dx = np.empty_like(x)
    pooling.launch_max_pool(x, size, stride, k_y, k_places)
    pooling.launch_max_pool_gradient(dy, places, size, stride, k_dx)
    assert np.array_equal(k_y, y)
    assert np.array_equal(k_places, places)
    close(k_dx, tensor.grad)


def test_max_pool_agrees_with_differences():
    rng = np.random.default_rng(0)
    x = rng.permutation(2 * 49).reshape(1, 2, 7, 7).astype("d")
    y, places = pooling.max_pool(x, 3, 2)
    dy = floats(rng, *y.shape, dtype="d")
    got = pooling.max_pool_backward(dy, places, x.shape)
    expected = differences(
        lambda: (pooling.max_pool(x, 3, 2)[0] * dy).sum(), x, 0.25
    )
    close(got, expected, 1e-7)


def test_a_nan_is_the_largest():
    x = np.ones((1, 1, 2, 4), np.float32)
    x[0, 0, 1, 2] = np.nan
    y, places = pooling.max_pool(x)
    k_y, k_places = np.empty_like(y), np.empty_like(places)
    pooling.launch_max_pool(x, 2, 2, k_y, k_places)
    expected = functional.max_pool2d(torch.tensor(x), 2).numpy()
    for got in (y, k_y):
        assert np.array_equal(got, expected, equal_nan=True)
    assert np.array_equal(places, k_places)


def test_max_pool_refuses_what_does_not_fit():
    x, y = np.ones((1, 1, 4, 4), "f"), np.ones((1, 1, 2, 2), "f")
    places = np.zeros(y.shape, np.int32)
    with pytest.raises(ValueError, match="got 0, 2"):
        pooling.max_pool(x, 2, 0)
    with pytest.raises(ValueError, match="a window of 5 does not fit into 4"):
        pooling.max_pool(x, 5)
    with pytest.raises(TypeError, match="places must be int32, got int64"):
        pooling.launch_max_pool(x, 2, 2, y, places.astype(np.int64))
    with pytest.raises(ValueError, match=r"\(1, 1, 3, 3\), got \(1, 1, 2, 2"):
        pooling.launch_max_pool(x, 2, 1, y, places)
    with pytest.raises(ValueError, match=r"got \(1, 1, 2, 1\)"):
        pooling.max_pool_backward(y[..., :1], places, x.shape)


# ReLU and the linear layer


def test_relu_agrees_with_pytorch():
    x = np.array([[-2, -0.0, 0, 3], [np.nan, np.inf, -np.inf, 1]], "f")
    dy = np.arange(1, 9, dtype="f").reshape(2, 4)
    tensor = torch.tensor(x, requires_grad=True)
    expected = tensor.relu()
    expected.backward(torch.tensor(dy))
    y, dx = np.empty_like(x), np.empty_like(x)
    activation.launch_relu(x, y)
    activation.launch_relu_gradient(y, dy, dx)
    for got in (activation.relu(x), y):
        assert np.array_equal(got, expected.detach(), equal_nan=True)
    for got in (activation.relu_backward(y, dy), dx):
        assert np.array_equal(got, tensor.grad)
    with pytest.raises(ValueError, match=r"y must have the shape \(2, 4\)"):
        activation.launch_relu(x, y[:1])
    with pytest.raises(ValueError, match="y must be contiguous"):
        activation.launch_relu(x[:, :2].copy(), np.empty((2, 4), "f")[:, ::2])


def test_relu_agrees_with_differences():
    rng = np.random.default_rng(0)
    x, dy = floats(rng, 3, 4, dtype="d"), floats(rng, 3, 4, dtype="d")
    got = activation.relu_backward(activation.relu(x), dy)
    expected = differences(lambda: (activation.relu(x) * dy).sum(), x)
    close(got, expected, 1e-7)


@FEW
@given(*[st.integers(1, 40)] * 3, st.integers(0, 2**32 - 1))
def test_linear_agrees_with_pytorch(n, inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    x, w = floats(rng, n, inputs), floats(rng, outputs, inputs)
    b, dy = floats(rng, outputs), floats(rng, n, outputs)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    expected = functional.linear(*tensors)
    expected.backward(torch.tensor(dy))
    y, dx, dw, db = (np.full_like(a, np.nan) for a in (dy, x, w, b))
    linear.launch_linear(x, w, b, y)
    linear.launch_linear_gradients(x, w, dy, dx, dw, db)
    close(linear.linear(x, w, b), expected)
    close(y, expected)
    for numpys, kernels, tensor in zip(
        linear.linear_backward(x, w, dy), (dx, dw, db), tensors, strict=True
    ):
        close(numpys, tensor.grad)
        close(kernels, tensor.grad)


def test_linear_agrees_with_differences():
    rng = np.random.default_rng(0)
    x, w, b, dy = (
        floats(rng, *s, dtype="d") for s in ((3, 5), (4, 5), (4,), (3, 4))
    )
    gradients = linear.linear_backward(x, w, dy)
    for got, array in zip(gradients, (x, w, b), strict=True):
        expected = differences(
            lambda: (linear.linear(x, w, b) * dy).sum(), array, 0.5
        )
        close(got, expected, 1e-7)


def test_linear_refuses_what_does_not_fit():
    x, w, b = np.ones((2, 3), "f"), np.ones((4, 3), "f"), np.ones(4, "f")
    y = np.ones((2, 4), "f")
    with pytest.raises(ValueError, match=r"same I, got \(2, 2\) and \(4, 3"):
        linear.linear(x[:, :2], w, b)
    with pytest.raises(ValueError, match=r"b must have the shape \(4,\)"):
        linear.launch_linear(x, w, b[:1], y)
    with pytest.raises(ValueError, match=r"out must have the shape \(2, 4\)"):
        linear.launch_linear(x, w, b, y[:1])
    with pytest.raises(ValueError, match=r"dy must have the shape \(2, 4\)"):
        linear.linear_backward(x, w, y[:1])


def test_no_images_are_no_work():
    x, w = np.ones((0, 2, 4, 4), "f"), np.ones((3, 2, 3, 3), "f")
    dw, db = np.full_like(w, 7), np.full(3, 7, "f")
    y, places = np.ones((0, 3, 2, 2), "f"), np.zeros((0, 2, 2, 2), np.int32)
    conv.launch_convolution(x, w, db, 1, 0, y)
    conv.launch_weight_gradient(x, y, 1, 0, dw)
    conv.launch_input_gradient(y, w, 1, 0, x)
    conv.launch_bias_gradient(y, db)
    pooling.launch_max_pool(x, 2, 2, np.ones((0, 2, 2, 2), "f"), places)
    activation.launch_relu(x, x.copy())
    assert not dw.any()
    assert not db.any()


# Inside of autograd


def test_functions_are_differentiated_as_pytorch_differentiates():
    rng = np.random.default_rng(0)
    given = [
        torch.tensor(floats(rng, *shape), requires_grad=True)
        for shape in ((3, 2, 8, 8), (4, 2, 3, 3), (4,), (5, 36), (5,))
    ]
    labels = torch.tensor([0, 4, 2])

    def network(layers, entropy):
        x, w, b, w2, b2 = given
        y = layers.convolution(x, w, b, 1, 0)
        y = layers.relu(layers.max_pool(y, 2)).flatten(1)
        return entropy(layers.linear(y, w2, b2), labels)

    class Theirs:
        convolution, linear = functional.conv2d, functional.linear
        relu, max_pool = functional.relu, functional.max_pool2d

    expected = network(Theirs, functional.cross_entropy)
    wanted = torch.autograd.grad(expected, given)
    loss = network(autograd, autograd.cross_entropy)
    got = torch.autograd.grad(3 * loss, given)
    close(loss.detach().numpy(), expected)
    for mine, theirs in zip(got, wanted, strict=True):
        close(mine.numpy(), 3 * theirs)


def test_kernels_work_on_the_tensors_memory():
    tensor = torch.zeros(4)
    assert autograd.memory(tensor).ctypes.data == tensor.data_ptr()
    with pytest.raises(ValueError, match="take contiguous tensors"):
        autograd.memory(torch.zeros(2, 3).T)


def test_views_are_put_in_order():
    rng = np.random.default_rng(0)
    x = torch.tensor(floats(rng, 2, 5, 5, 3), requires_grad=True)
    w, b = torch.tensor(floats(rng, 4, 3, 3, 3)), torch.zeros(4)
    y = autograd.convolution(x.permute(0, 3, 1, 2), w, b)
    y.permute(0, 2, 3, 1).square().sum().backward()
    got, x.grad = x.grad, None
    functional.conv2d(x.permute(0, 3, 1, 2), w, b).square().sum().backward()
    close(got.numpy(), x.grad)


def test_kernel_lenet_is_lenet():
    torch.manual_seed(0)
    kernels = autograd.KernelLeNet()
    torch.manual_seed(0)
    layers = LeNet()
    assert list(kernels.state_dict()) == list(layers.state_dict())
    for name, value in layers.state_dict().items():
        assert torch.equal(kernels.state_dict()[name], value)
    kernels.load_state_dict(layers.state_dict())
    images = torch.randn(3, 1, 28, 28)
    close(kernels(images).detach().numpy(), layers(images))


def test_kernel_lenet_trains_as_lenet_does():
    data = preload("train")
    data = torch.utils.data.TensorDataset(*(t[:6400] for t in data.tensors))
    torch.manual_seed(0)
    kernels = autograd.KernelLeNet()
    layers = LeNet()
    layers.load_state_dict(kernels.state_dict())
    got = train_with_kernels(kernels, data, steps=300, stop_after=50)
    optimizer, schedule = RECIPE.build(layers, 300)
    expected = []
    for images, labels in batches(data, RECIPE.batch_size):
        loss = functional.cross_entropy(layers(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        expected.append(loss.item())
    assert len(got) == len(expected) == 50
    # Training amplifies how differently their sums round, and the library's
    # order of adding is the processor's: the first steps must agree.
    apart = np.abs(np.subtract(got, expected))
    assert apart[:20].max() < 1e-4
    assert apart.max() < 0.05
    data = torch.utils.data.TensorDataset(*(t[:1000] for t in data.tensors))
    right = accuracy(kernels, data)
    assert right > 0.7
    assert abs(right - accuracy(layers, data)) < 0.01


def test_training_gives_the_same_bits_again():
    data = preload("test")
    data = torch.utils.data.TensorDataset(*(t[:512] for t in data.tensors))
    runs = []
    for _ in range(2):
        torch.manual_seed(3)
        model = autograd.KernelLeNet()
        losses = train_with_kernels(model, data, seed=3)
        runs.append((losses, [p.detach() for p in model.parameters()]))
    assert runs[0][0] == runs[1][0]
    assert all(map(torch.equal, runs[0][1], runs[1][1]))


# Traced


def launches(call):
    """Return the report of each launch of a call, in turn."""
    reports = []

    def watched(self, launcher, arguments):
        self.check[launcher.configuration](*arguments)
        reports.append(self.trace[launcher.configuration](*arguments))
        plain(self, launcher, arguments)

    plain = Kernel._launch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "_launch", watched)
        call()
    return {report.record.kernel: report for report in reports}


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_the_convolution_kernels_have_no_findings(stride, padding):
    rng = np.random.default_rng(0)
    x, w, b = floats(rng, 2, 2, 8, 8), floats(rng, 4, 2, 3, 3), floats(rng, 4)
    y = np.zeros(conv.convolve(x, w, b, stride, padding).shape, np.float32)
    reports = launches(
        lambda: (
            conv.launch_convolution(x, w, b, stride, padding, y),
            conv.launch_input_gradient(y, w, stride, padding, x),
            conv.launch_weight_gradient(x, y, stride, padding, w),
            conv.launch_bias_gradient(y, b),
        )
    )
    assert len(reports) == 5
    forward = reports["convolution_kernel"]
    if stride == 1:
        assert forward.flops == 2 * y[:, :1].size * 6 * 2 * 9
        assert forward.coalescing_efficiency > 0.6
    assert reports["bias_gradient_kernel"].max_bank_conflict == 1


def test_the_other_kernels_have_no_findings():
    rng = np.random.default_rng(0)
    x, y = floats(rng, 1, 2, 16, 16), np.zeros((1, 2, 8, 8), np.float32)
    places = np.zeros(y.shape, np.int32)
    a, w, b = floats(rng, 20, 18), floats(rng, 17, 18), floats(rng, 17)
    out = np.zeros((20, 17), np.float32)
    reports = launches(
        lambda: (
            pooling.launch_max_pool(x, 2, 2, y, places),
            pooling.launch_max_pool_gradient(y, places, 2, 2, x),
            activation.launch_relu(x, x.copy()),
            activation.launch_relu_gradient(x, x.copy(), x.copy()),
            linear.launch_linear(a, w, b, out),
            linear.launch_linear_gradients(a, w, out, a.copy(), w, b),
        )
    )
    assert len(reports) == 7
    for name in ("relu_kernel", "relu_gradient_kernel"):
        assert reports[name].coalescing_efficiency == 1
    assert reports["max_pool_kernel"].coalescing_efficiency >= 0.5
    assert reports["column_sums_kernel"].coalescing_efficiency > 0.5


def test_matrix_products_are_coalesced():
    rng = np.random.default_rng(0)
    a, b = floats(rng, 32, 48), floats(rng, 48, 16)
    turned_a, turned_b = (np.ascontiguousarray(m.T).T for m in (a, b))
    for left in (a, turned_a):
        for right in (b, turned_b):
            out = np.empty((32, 16), np.float32)
            report = launches(
                lambda x=left, y=right, z=out: linear.launch_matmul(x, y, z)
            )["matmul_kernel"]
            close(out, a @ b)
            assert report.coalescing_efficiency == 1
            assert report.max_bank_conflict <= 2


MODULES = (activation, conv, linear, pooling, sums)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__[18:])
def test_no_kernel_computes_in_float64(module):
    module.rehearse()
    kernels = [v for v in vars(module).values() if isinstance(v, Kernel)]
    assert kernels
    for kernel in kernels:
        for signature in kernel.recorded:
            if "float64" in str(signature):
                continue  # of another test
            assert ".f64" not in kernel.inspect_ptx("8.0", signature)


def test_device_arrays_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    x, w, b = floats(rng, 2, 2, 6, 6), floats(rng, 4, 2, 3, 3), floats(rng, 4)
    y = cuda.device_array((2, 4, 4, 4), np.float32)
    conv.launch_convolution(*map(cuda.to_device, (x, w, b)), 1, 0, y)
    close(y.copy_to_host(), conv.convolve(x, w, b))
    dw = cuda.device_array(w.shape, np.float32)
    conv.launch_weight_gradient(cuda.to_device(x), y, 1, 0, dw)
    close(dw.copy_to_host(), conv.convolve_backward(x, w, y.copy_to_host())[1])
    assert not backend.uses_gpu()
