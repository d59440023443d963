"""Counting against counts by hand."""

import pytest
import torch
from fake_cuda import fake_cuda
from torch.nn import functional

from gpu_course.hardware.roofline import Ceilings
from gpu_course.hardware.work_counter import (
    WorkCount,
    count_work,
    step_time_s,
    training_flops_per_image,
)
from gpu_course.training.lenet import LeNet

BATCH = torch.zeros(4, 1, 28, 28), torch.tensor([0, 1, 2, 3])


def lenet_step(**options):
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), **options)

    def step():
        loss = functional.cross_entropy(model(BATCH[0]), BATCH[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step()
    return step


def test_operations_and_bytes_by_hand():
    x = torch.ones(1000)
    with count_work() as count:
        (2 * x + 1).relu()
    assert dict(count.names) == {"mul": 1, "add": 1, "relu": 1}
    assert count.operations == 3
    assert count.bytes == 3 * 2 * 4000
    assert count.flops == 0


def test_flops_of_a_product():
    with count_work() as count:
        torch.ones(3, 4) @ torch.ones(4, 5)
    assert count.flops == 2 * 3 * 4 * 5
    assert count.names["mm"] == 1


def test_what_is_written_in_place_counts_once():
    x = torch.ones(10)
    with count_work() as count:
        x.add_(1)
    assert count.bytes == 40


def test_views_and_allocations_are_no_work():
    x = torch.ones(4, 6)
    with count_work() as count:
        x.t().reshape(2, 12)[0].view(3, 4)
        torch.empty(5)
        x.detach()
    assert set(count.names) <= {"clone"}  # the reshape has to copy


def test_single_numbers_are_the_hosts():
    with count_work() as count:
        torch.tensor(1.0) + torch.tensor(2.0)
    assert count.operations == 0


def test_adam_is_one_seven_or_seventy_operations():
    counts = []
    for options in ({"fused": True}, {"foreach": True}, {"foreach": False}):
        step = lenet_step(**options)
        with count_work() as count:
            step()
        counts.append(count.operations)
    assert counts[1] - counts[0] == 6
    assert counts[2] - counts[0] == 69


def test_flops_of_a_step_agree_with_the_bench():
    step = lenet_step(fused=True)
    with count_work() as count:
        step()
    assert count.flops == 4 * training_flops_per_image(LeNet())


def test_on_a_device():
    with fake_cuda():
        x = torch.ones(1000).cuda()
        with count_work() as count:
            x * 2
    assert count.names["mul"] >= 1


def made(operations=10, bytes=0, flops=0):
    count = WorkCount()
    count.names["op"], count.bytes, count.flops = operations, bytes, flops
    return count


def roof(bandwidth_gb_s, peak_gflop_s):
    return Ceilings("a GPU", bandwidth_gb_s, peak_gflop_s, "published", "")


@pytest.mark.parametrize(
    ("count", "graphed", "expected"),
    [
        (made(), False, 50e-6),
        (made(), True, 5e-6),
        (made(bytes=100_000_000), True, 1e-3),
        (made(flops=4_000_000_000), False, 2e-3),
    ],
)
def test_modelled_time(count, graphed, expected):
    modelled = step_time_s(count, roof(100, 2000), 5e-6, graphed)
    assert modelled == pytest.approx(expected)


@pytest.mark.parametrize("figures", [(0, 2, 5), (100, -1, 5), (100, 2, 0)])
def test_impossible_figures(figures):
    with pytest.raises(ValueError, match=r"must be positive.*, got"):
        step_time_s(made(), roof(*figures[:2]), figures[2])


def test_flops_are_those_of_the_shapes():
    forward = 2 * (
        24 * 24 * 6 * 25 + 8 * 8 * 16 * 25 * 6 + 256 * 120 + 120 * 84 + 84 * 10
    )
    # The backward pass is two products for each of the forward pass; only
    # the gradient of the images themselves is not needed.
    both = 3 * forward - 2 * 24 * 24 * 6 * 25
    assert training_flops_per_image(LeNet()) == both


def test_counting_leaves_no_gradient():
    model = LeNet()
    training_flops_per_image(model)
    assert all(p.grad is None for p in model.parameters())
