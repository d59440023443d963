"""Memory, counted against shapes by hand."""

import matplotlib.pyplot as plt
import pytest
import torch
from fake_cuda import fake_cuda
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint_sequential

from gpu_course.training.lenet import LeNet
from gpu_course.training.memory_budget import (
    Budget,
    count_budget,
    draw_budgets,
    tensor_bytes,
    watch_saved,
)

# Of one image: the image and both convolutions' outputs, what is left after
# pooling and ReLU, the linear layers' outputs, and int64 indices.
FLOATS = 784 + 3456 + 1024 + 864 + 256 + 120 + 84 + 10
INDICES = 864 + 256 + 1
PARAMETERS = 4 * 44_426


def lenet_budget(count, device="cpu", optimizer="adam"):
    model = LeNet().to(device)
    images = torch.randn(count, 1, 28, 28).to(device)
    labels = torch.zeros(count, dtype=torch.int64).to(device)
    if optimizer == "adam":
        made = torch.optim.Adam(model.parameters(), foreach=False)
    else:
        made = torch.optim.SGD(model.parameters(), 0.1)
    return count_budget(
        model, made, lambda: functional.cross_entropy(model(images), labels)
    )


@pytest.mark.parametrize("count", [1, 7])
def test_lenet_by_hand(count):
    budget = lenet_budget(count)
    assert budget.parameters == budget.gradients == PARAMETERS
    assert budget.optimizer == 2 * PARAMETERS
    # and one float for the batch: the sum of the loss's weights
    assert budget.activations == count * (4 * FLOATS + 8 * INDICES) + 4
    assert budget.total == 4 * PARAMETERS + budget.activations


def test_sgd_has_no_state():
    assert lenet_budget(2, optimizer="sgd").optimizer == 0


def test_the_same_on_a_device():
    expected = lenet_budget(3)
    with fake_cuda():
        budget = lenet_budget(3, "cuda")
    assert budget.parameters == expected.parameters
    assert budget.optimizer == expected.optimizer
    assert budget.activations >= expected.activations


def test_shared_memory_counts_once():
    x = torch.ones(100, requires_grad=True)
    with watch_saved() as saved:
        y = x.exp()  # keeps its result
        (y.view(10, 10) ** 2 + y.view(10, 10) ** 3).sum()
    assert len(saved) == 1
    assert saved.bytes == 400


def test_what_is_known_does_not_count():
    weight, x = nn.Parameter(torch.ones(5, 5)), torch.ones(3, 5)
    with watch_saved([weight]) as saved:
        functional.linear(x, weight)
    assert saved.bytes == x.nbytes


def test_checkpoints_keep_the_inputs_of_segments():
    layers = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(16)]
    deep, x = nn.Sequential(*layers), torch.randn(4, 8)
    held = []
    for parts in (1, 2, 4, 8, 16):
        with watch_saved(deep.parameters()) as saved:
            checkpoint_sequential(deep, parts, x, use_reentrant=False)
        held.append(saved.bytes // x.nbytes)
    assert held == [17, 10, 8, 10, 17]


def test_tensor_bytes():
    tensors = [torch.ones(3), torch.ones(2, 2, dtype=torch.float16)]
    assert tensor_bytes(tensors) == 12 + 8


def test_picture():
    _, ax = plt.subplots()
    draw_budgets(ax, {1: Budget(1, 2, 3, 4), 8: Budget(1, 2, 3, 32)})
    assert len(ax.patches) == 8
    ends = {round((p.get_x() + p.get_width()) * 1e6) for p in ax.patches}
    assert max(ends) == 38
    plt.close()
