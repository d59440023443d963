"""float16's losses, against Python's own rounding."""

import struct

import matplotlib.pyplot as plt
import pytest
import torch
from fake_cuda import fake_cuda
from torch.nn import functional

from gpu_course.training.half_precision import (
    draw_gradients,
    layer_gradients,
    lost_share,
)
from gpu_course.training.lenet import LeNet


def rounded(value):
    return struct.unpack("e", struct.pack("e", value))[0]


@pytest.mark.parametrize("scale", [1.0, 2.0**6])
def test_lost_share(scale):
    values = [2.0**-k for k in range(20, 40)] + [1.01 * 2.0**-25]
    expected = sum(rounded(v * scale) == 0 for v in values) / len(values)
    got = lost_share(torch.tensor(values), scale)
    assert got == pytest.approx(expected)


def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 1, 28, 28, generator=generator)
    return images, torch.arange(6)


def test_layer_gradients_against_autograd():
    torch.manual_seed(0)
    model, (images, labels) = LeNet(), batch()
    got = layer_gradients(model, images, labels)
    hidden = model.conv1(images)
    x = model.pool(model.conv2(model.pool(hidden).relu())).relu().flatten(1)
    logits = model.fc3(model.fc2(model.fc1(x).relu()).relu())
    loss = functional.cross_entropy(logits, labels)
    first, last = torch.autograd.grad(loss, [hidden, logits])
    assert torch.equal(got[-60:], last.flatten())
    count = int((first != 0).sum())
    assert torch.allclose(got[:count], first[first != 0], atol=1e-9)
    assert (got != 0).all()


def test_it_leaves_the_model_as_it_was():
    model, (images, labels) = LeNet(), batch()
    layer_gradients(model, images, labels)
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks for m in model.modules())


def test_on_a_device():
    torch.manual_seed(0)
    model, (images, labels) = LeNet(), batch()
    expected = layer_gradients(model, images, labels)
    with fake_cuda():
        got = layer_gradients(model.cuda(), images.cuda(), labels.cuda())
        assert got.device.type == "cpu"
        assert torch.allclose(got, expected, atol=1e-7)


def test_picture():
    _, ax = plt.subplots()
    draw_gradients(ax, torch.tensor([1e-3, -1e-5, 1e-9]))
    texts = {text.get_text().strip() for text in ax.texts}
    assert texts == {"zero", "fewer digits", "overflow"}
    assert len(ax.get_legend().get_texts()) == 2
    plt.close()
