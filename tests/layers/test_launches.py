"""Which kernels are launched, and what PyTorch computes beside them."""

import numpy as np
import pytest
import torch

from gpu_course.cuda.kernel import Kernel
from gpu_course.hardware.work_counter import count_work
from gpu_course.layers import (
    activation,
    autograd,
    launches,
    optimizers,
    train_by_kernels,
)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


def one_step(images=3):
    """Do a step of training; return its launches and PyTorch's work."""
    model = autograd.KernelLeNet()
    optimizer = optimizers.KernelAdam(model.parameters())
    pixels = torch.randn(images, 1, 28, 28)
    labels = torch.zeros(images, dtype=torch.long)
    with (
        launches.watch_launches() as launched,
        count_work() as work,
    ):
        autograd.cross_entropy(model(pixels), labels).backward()
        optimizer.step()
    return launched, work


def test_each_launch_is_noted_as_it_was_made():
    x, y = np.ones((2, 300), np.float32)
    with launches.watch_launches() as launched:
        activation.relu_kernel[3, 128](x, y)
        activation.relu_gradient_kernel[(2, 1), (8, 4, 2)](y, x, y)
    activation.relu_kernel[3, 128](x, y)
    assert launched == [
        launches.Launched("relu_kernel", (3, 1, 1), (128, 1, 1), 384),
        launches.Launched("relu_gradient_kernel", (2, 1, 1), (8, 4, 2), 128),
    ]


def test_a_launch_that_raises_ends_the_watch():
    plain = Kernel._launch
    with (
        pytest.raises(TypeError, match="takes 2 arguments"),
        launches.watch_launches() as launched,
    ):
        activation.relu_kernel[1, 32](np.ones(3, np.float32))
    assert launched == []
    assert Kernel._launch is plain


def test_a_step_of_lenet():
    launched, work = one_step()
    counts = {}
    for one in launched:
        counts[one.kernel] = counts.get(one.kernel, 0) + 1
    assert counts["adam_kernel"] == 10
    assert counts["matmul_kernel"] == 3 + 2 * 3
    assert counts["convolution_kernel"] == counts["weight_gradient_kernel"]
    assert counts["input_gradient_kernel"] == 1  # none of the images
    assert len(launched) == 48
    # Adam's averages begin as zeros; the gradient is multiplied by 1.
    assert work.names == {"zeros_like": 20, "mul": 1}


def test_layers_of_pytorch_are_seen():
    with count_work() as work:
        torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).relu()
    torch.ones(2).exp()
    assert "relu" in work.names
    assert "exp" not in work.names


def test_the_table_adds_up():
    launched, _ = one_step()
    rows = [line.split() for line in launches.table(launched).splitlines()]
    assert rows[0] == ["kernel", "launches", "threads"]
    numbers = [[int(n.replace(",", "")) for n in row[1:]] for row in rows[1:]]
    assert rows[-1][0] == "together"
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == (
        numbers[-1]
    )
    assert numbers[-1][0] == 48


@pytest.mark.parametrize("there", [False, True])
def test_tensors_are_where_the_kernels_run(there, monkeypatch):
    monkeypatch.setattr(train_by_kernels.backend, "uses_gpu", lambda: there)
    monkeypatch.setattr(
        train_by_kernels, "pick_device", lambda: torch.device("cuda")
    )
    assert train_by_kernels.kernel_device().type == (
        "cuda" if there else "cpu"
    )
