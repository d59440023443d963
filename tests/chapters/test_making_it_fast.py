"""What chapter 42 writes in cells: prefetch, a recorded step, gradients."""

import ast
import copy
import struct
from pathlib import Path

import nbformat
import pytest
import torch
from fake_cuda import CudaTensor, fake_cuda
from fake_streams import fake_streams
from torch.nn import functional

from gpu_course.training.lenet import LeNet

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "42_making_it_fast.ipynb"
CELLS = [
    cell.source
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells
    if cell.cell_type == "code"
]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def made_by(node):
    """Return the names that a statement makes."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    return map(ast.unparse, getattr(node, "targets", ()))


def made(name, **names):
    """Return what the one cell makes that has the name at its top.

    Of a cell with a function only the function runs, not what uses it.
    """
    ((cell, node),) = [
        (cell, node)
        for cell in map(ast.parse, CELLS)
        for node in cell.body
        if name in made_by(node)
    ]
    run = [node] if isinstance(node, ast.FunctionDef) else cell.body
    space = {"torch": torch, "functional": functional, **names}
    exec(compile(ast.Module(run, []), f"the cell of {name}", "exec"), space)
    return space[name]


prefetch, record = made("prefetch"), made("record")


@pytest.fixture
def streams():
    with fake_cuda(), fake_streams() as streams:
        yield streams


def numbered(count=4):
    return [
        (torch.full((3,), float(n)), torch.tensor([n])) for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_on_the_cpu_batches_pass(count):
    got = list(prefetch(iter(numbered(count)), CPU))
    assert len(got) == count
    for one, two in zip(got, numbered(count), strict=True):
        assert all(map(torch.equal, one, two))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_on_the_device_each_arrives_once_and_in_order(streams, count):
    sums = []
    for x, n in prefetch(iter(numbered(count)), CUDA):
        assert isinstance(x, CudaTensor)
        sums.append((x.sum() + n.sum()).item())
    assert sums == [4.0 * n for n in range(count)]
    assert streams.recorded == 2 * count


def test_the_next_copy_is_queued_before_a_batch_is_given(streams):
    asked = []

    def watched():
        for number, batch in enumerate(numbered()):
            asked.append(number)
            yield batch

    stream = prefetch(watched(), CUDA)
    next(stream)
    assert asked == [0, 1]


def test_without_the_wait_the_device_complains(streams, monkeypatch):
    """The stand-in can tell: else the tests above would show nothing."""
    monkeypatch.setattr(
        torch.cuda.Stream, "knows", lambda self, s, t: s is self
    )
    x, _ = next(prefetch(iter(numbered()), CUDA))
    with pytest.raises(RuntimeError, match="has not waited"):
        x.sum()


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


def test_replays_train_as_the_plain_step_does(streams):
    torch.manual_seed(0)
    model = LeNet()
    other = copy.deepcopy(model).cuda()
    first, *rest = batches()
    plain = training_step("cpu", model)
    expected = [plain(*first) for _ in range(3)]
    expected = [plain(*batch).item() for batch in rest]
    example = [tensor.cuda() for tensor in first]
    step = record(training_step("cuda", other), *example)
    got = [step(*(t.cuda() for t in batch)).item() for batch in rest]
    assert got == pytest.approx(expected, abs=1e-6)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one, two.cpu(), atol=1e-6)


def test_a_look_at_the_loss_cannot_be_recorded(streams):
    model = LeNet().cuda()
    example = [tensor.cuda() for tensor in batches(1)[0]]
    with pytest.raises(RuntimeError, match="capturing"):
        record(training_step("cuda", model, look=True), *example)


def test_the_example_stays_as_it_is(streams):
    model = LeNet().cuda()
    first, second = ([t.cuda() for t in batch] for batch in batches(2))
    before = first[0].cpu()
    record(training_step("cuda", model), *first)(*second)
    assert torch.equal(first[0].cpu(), before)


def test_the_lost_share_against_pythons_own_rounding():
    values = [2.0**-k for k in range(20, 40)] + [1.01 * 2.0**-25]
    for scale in (1.0, 2.0**6):
        expected = [rounded(v * scale) == 0 for v in values]
        lost_share = made("lost_share", gradients=torch.tensor(values))
        got = lost_share(scale)
        assert got == pytest.approx(sum(expected) / len(values))


def rounded(value):
    return struct.unpack("e", struct.pack("e", value))[0]


def gradients(model, images, labels):
    return made("gradients", model=model, images=images, labels=labels)


@pytest.mark.parametrize("on_device", [False, True])
def test_the_layers_gradients_against_autograd(on_device):
    torch.manual_seed(0)
    model = LeNet()
    other = copy.deepcopy(model)
    images, labels = batches(1)[0]
    hidden = model.conv1(images)
    x = model.pool(model.conv2(model.pool(hidden).relu())).relu().flatten(1)
    logits = model.fc3(model.fc2(model.fc1(x).relu()).relu())
    loss = functional.cross_entropy(logits, labels)
    first, last = torch.autograd.grad(loss, [hidden, logits])
    if on_device:
        with fake_cuda():
            got = gradients(other.cuda(), images.cuda(), labels.cuda())
            assert got.device.type == "cpu"
    else:
        got = gradients(other, images, labels)
    assert torch.allclose(got[-80:], last.flatten(), atol=1e-7)
    count = int((first != 0).sum())
    assert torch.allclose(got[:count], first[first != 0], atol=1e-7)
    assert not any(m._forward_hooks for m in other.modules())
