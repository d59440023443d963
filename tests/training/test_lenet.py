"""The network: its shapes, and that pooling may stand before ReLU."""

import torch
from torch import nn

from gpu_course.bench.article import ReluFirstLeNet
from gpu_course.training.lenet import LeNet


def sequential(model):
    """Return the same network by other means, with the same weights."""
    return nn.Sequential(
        model.conv1,
        nn.ReLU(),
        nn.MaxPool2d(2),
        model.conv2,
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        model.fc1,
        nn.ReLU(),
        model.fc2,
        nn.ReLU(),
        model.fc3,
    )


def gradients(model):
    return {key: value.grad for key, value in model.named_parameters()}


def test_logits_are_those_of_the_textbook_network():
    torch.manual_seed(0)
    model, images = LeNet(), torch.randn(5, 1, 28, 28)
    logits = model(images)
    assert logits.shape == (5, 10)
    torch.testing.assert_close(logits, sequential(model)(images))


def test_has_44426_weights():
    # (25 + 1) 6 + (150 + 1) 16 + 257 * 120 + 121 * 84 + 85 * 10
    assert sum(p.numel() for p in LeNet().parameters()) == 44_426


def test_pooling_before_or_after_relu_is_the_same():
    torch.manual_seed(0)
    ours, images = LeNet(), torch.randn(8, 1, 28, 28)
    article = ReluFirstLeNet()
    article.load_state_dict(ours.state_dict())
    logits = {model: model(images) for model in (ours, article)}
    assert torch.equal(logits[ours], logits[article])
    for result in logits.values():
        result.square().sum().backward()
    expected = gradients(article)
    for key, gradient in gradients(ours).items():
        assert gradient.abs().sum() > 0, key
        torch.testing.assert_close(gradient, expected[key])


def test_images_of_a_batch_do_not_mix():
    torch.manual_seed(0)
    model, images = LeNet().eval(), torch.randn(4, 1, 28, 28)
    alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), alone)
