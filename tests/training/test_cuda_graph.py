"""Recorded steps, on the fake device and on the CPU."""

import copy

import pytest
import torch
from fake_cuda import fake_cuda
from fake_streams import fake_streams
from torch.nn import functional

from gpu_course.training.cuda_graph import WARM_UP, capture_step
from gpu_course.training.lenet import LeNet


@pytest.fixture
def streams():
    with fake_cuda(), fake_streams() as streams:
        yield streams


def batches(count=5, size=8):
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(size, 1, 28, 28, generator=generator),
            torch.randint(0, 10, (size,), generator=generator),
        )
        for _ in range(count)
    ]


def training_step(device, model, look=False):
    optimizer = torch.optim.Adam(
        model.parameters(), 1e-3, fused=True, capturable=device == "cuda"
    )

    def step(images, labels):
        loss = functional.cross_entropy(model(images), labels)
        if look:
            loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def test_on_the_cpu_it_is_the_step_itself():
    step = training_step("cpu", LeNet())
    assert capture_step(step, *batches(1)[0]) is step


def test_replays_train_as_the_plain_step_does(streams):
    torch.manual_seed(0)
    model = LeNet()
    other = copy.deepcopy(model).cuda()
    first, *rest = batches()
    plain = training_step("cpu", model)
    expected = [plain(*first) for _ in range(WARM_UP)]
    expected = [plain(*batch).item() for batch in rest]
    example = [tensor.cuda() for tensor in first]
    step = capture_step(training_step("cuda", other), *example)
    got = [step(*(t.cuda() for t in batch)).item() for batch in rest]
    assert got == pytest.approx(expected, abs=1e-6)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, two.cpu(), atol=1e-6)


def test_a_look_at_the_loss_cannot_be_recorded(streams):
    model = LeNet().cuda()
    example = [tensor.cuda() for tensor in batches(1)[0]]
    with pytest.raises(RuntimeError, match="capturing"):
        capture_step(training_step("cuda", model, look=True), *example)


def test_another_shape_is_refused(streams):
    model = LeNet().cuda()
    example = [tensor.cuda() for tensor in batches(1)[0]]
    step = capture_step(training_step("cuda", model), *example)
    with pytest.raises(ValueError, match=r"takes shape .*8.*got .*7"):
        step(*(tensor[:7] for tensor in example))


def test_the_example_stays_as_it_is(streams):
    model = LeNet().cuda()
    first, second = ([t.cuda() for t in batch] for batch in batches(2))
    before = first[0].cpu()
    capture_step(training_step("cuda", model), *first)(*second)
    assert torch.equal(first[0].cpu(), before)
