"""The benches of a ledger: six kinds of work at several sizes.

Everything is float32, on the device asked for. Results are compared with NumPy
or with float64 before anything is timed. FLOPs and bytes are the least that
the work needs: each array counts once.
"""

import numpy as np

from gpu_course.bench.case import Case

TIMED = {"precision": 0.05, "min_run_time_s": 0.2, "max_run_time_s": 2.0}
QUICK = {"precision": 0.1, "min_run_time_s": 0.05, "max_run_time_s": 0.3}
FLOAT32 = 4  # bytes


def _whole(*shape):
    """Return small whole numbers: their sums are exact in float32."""
    import torch

    numbers = np.random.default_rng(0).integers(0, 8, shape, dtype=np.int8)
    return torch.from_numpy(numbers.astype(np.float32))


def _uniform(*shape):
    import torch

    numbers = np.random.default_rng(0).random(shape, dtype=np.float32)
    return torch.from_numpy(numbers)


def _close(result, expected, rtol=1e-4):
    import torch

    scale = float(expected.abs().max())
    torch.testing.assert_close(
        result.double(), expected.double(), rtol=rtol, atol=rtol * scale
    )


# Vector add, and the sum of a vector


def _add(size, device):
    import torch

    result = torch.empty(size, device=device)
    return lambda a, b: torch.add(a, b, out=result)


def _check_add(result, a, b):
    assert np.array_equal(result.numpy(), a.numpy() + b.numpy()), (
        "it differs from NumPy's"
    )


def _check_sum(result, a):
    exact = a.numpy().sum(dtype=np.float64)
    assert abs(float(result) - exact) <= 1e-5 * exact, (
        f"got {float(result)}, NumPy's float64 has {exact}"
    )


# Matrix product


def _product(size, device):
    import torch

    result = torch.empty(size, size, device=device)
    return lambda a, b: torch.mm(a, b, out=result)


def _check_product(result, a, b):
    rows = slice(None, None, max(1, len(a) // 8))
    _close(result[rows], a[rows].double() @ b.double())


# A convolution: the second of the LeNet, without bias

CHANNELS, FILTERS, SIDE, WINDOW = 6, 16, 12, 5


def _convolution_work(images):
    from gpu_course.layers.work import convolution_work

    return convolution_work(
        "convolution", images, (CHANNELS, SIDE, SIDE), FILTERS, WINDOW
    )


def _convolution(size, device):
    from torch.nn.functional import conv2d

    return conv2d


def _check_convolution(result, images, weights):
    from torch.nn.functional import conv2d

    few = slice(None, None, max(1, len(images) // 8))
    _close(result[few], conv2d(images[few].double(), weights.double()))


# The LeNet: a step of training, and inference


def _lenet():
    """Return the network, always with the same weights."""
    import torch

    from gpu_course.training.lenet import LeNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return LeNet()


def _labels(size):
    import torch

    return torch.arange(size) % 10


def _step(size, device):
    import torch
    from torch.nn.functional import cross_entropy

    from gpu_course.common.device import place
    from gpu_course.training.recipe import ARTICLE

    model = place(_lenet(), device)
    optimizer = torch.optim.SGD(
        model.parameters(), ARTICLE.learning_rate, ARTICLE.momentum
    )

    def step(images, labels):
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _check_step(loss, images, labels):
    import torch
    from torch.nn.functional import cross_entropy

    with torch.no_grad():
        _close(loss, cross_entropy(_lenet().double()(images.double()), labels))


def _inference(size, device):
    import torch

    from gpu_course.common.device import place

    model = place(_lenet(), device).eval()

    @torch.no_grad()
    def logits(images):
        return model(images)

    return logits


def _check_inference(logits, images):
    import torch

    few = slice(None, None, max(1, len(images) // 8))
    with torch.no_grad():
        _close(logits[few], _lenet().double()(images[few].double()))


def _step_flops(images):
    from gpu_course.hardware.work_counter import training_flops_per_image

    return images * training_flops_per_image(_lenet())


def _inference_work(images):
    from gpu_course.layers.work import lenet_work

    return lenet_work(images)


DECADES = tuple(10**k for k in range(2, 9))
IMAGES = (1, 10, 100, 1000, 10_000)
CASES = (
    Case(
        "vector add",
        "elements",
        DECADES,
        DECADES[1:6:2],
        lambda n: (_whole(n), _whole(n)),
        _add,
        _check_add,
        lambda n: n,
        lambda n: 3 * FLOAT32 * n,
    ),
    Case(
        "reduction",
        "elements",
        DECADES,
        DECADES[1:6:2],
        lambda n: (_whole(n),),
        lambda n, device: lambda a: a.sum(),
        _check_sum,
        lambda n: n - 1,
        lambda n: FLOAT32 * (n + 1),
    ),
    Case(
        "matrix product",
        "rows",
        (16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
        (32, 128, 512),
        lambda n: (_uniform(n, n), _uniform(n, n)),
        _product,
        _check_product,
        lambda n: 2 * n**3,
        lambda n: 3 * FLOAT32 * n**2,
    ),
    Case(
        "convolution",
        "images",
        IMAGES,
        (1, 100),
        lambda n: (
            _uniform(n, CHANNELS, SIDE, SIDE),
            _uniform(FILTERS, CHANNELS, WINDOW, WINDOW),
        ),
        _convolution,
        _check_convolution,
        lambda n: _convolution_work(n).flops,
        lambda n: _convolution_work(n).bytes - FLOAT32 * FILTERS,  # no bias
    ),
    Case(
        "training step",
        "images",
        IMAGES[:4],
        (10, 100),
        lambda n: (_uniform(n, 1, 28, 28), _labels(n)),
        _step,
        _check_step,
        _step_flops,
        lambda n: None,
    ),
    Case(
        "inference",
        "images",
        IMAGES,
        (1, 100),
        lambda n: (_uniform(n, 1, 28, 28),),
        _inference,
        _check_inference,
        lambda n: sum(layer.flops for layer in _inference_work(n)),
        lambda n: sum(layer.bytes for layer in _inference_work(n)),
    ),
)


def case(name: str) -> Case:
    """Return the case of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.
    """
    for one in CASES:
        if one.name == name:
            return one
    raise ValueError(
        f"there is no bench {name!r}; there are "
        + ", ".join(one.name for one in CASES)
    )
