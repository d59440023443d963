"""The course's code on a CUDA device that does not exist.

`fake_cuda` must raise where CUDA does; that comes first. Then our sources run
on it, as they are and deliberately broken: the first must pass and every one
of the others must fail.
"""

import contextlib
import signal
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_cuda import CudaTensor, fake_cuda
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import gpu_course
from gpu_course.common.device import pick_device, try_device
from gpu_course.training.checkpoint import Checkpoint
from gpu_course.training.classifier import Classifier
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import fit
from gpu_course.training.recipe import Recipe

ADAM = Recipe("adam", 0.01, 16, 2, "one-cycle", label_smoothing=0.05)
SGD = Recipe("sgd", 0.01, 16, 2)
PAGES = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8)


@pytest.fixture
def gpu():
    with fake_cuda() as gpu:
        yield gpu


def examples(count=40):
    """Return a TensorDataset of noise, on the host, always the same."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return TensorDataset(images, labels)


def to_cuda(dataset):
    return TensorDataset(*(tensor.cuda() for tensor in dataset.tensors))


def lenet(seed=0):
    torch.manual_seed(seed)
    return LeNet()


def interrupting_bar(steps):
    """Return a `progress_bar` that presses Ctrl-C after so many steps."""
    left = [steps]

    class Bar(contextlib.nullcontext):
        def __enter__(self):
            return self

        def update(self):
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)

    return lambda *_: Bar()


# What the device lets pass, and what it does not


def operands():
    host = torch.arange(9.0).view(3, 3)
    return {
        "host": host,
        "device": host.cuda(),
        "scalar": torch.tensor(2.0),
        "device_scalar": torch.tensor(2.0).cuda(),
        "places": torch.tensor([0, 2]),
        "device_places": torch.tensor([0, 2]).cuda(),
        "functional": functional,
        "torch": torch,
        "np": np,
    }


MEETINGS = [
    "device + host",
    "host - device",
    "host + device_scalar",
    "device @ host",
    "functional.linear(host, device)",
    "functional.linear(device, device, torch.zeros(3))",
    "functional.conv2d(host.view(1, 1, 3, 3), device.view(1, 1, 3, 3))",
    "functional.cross_entropy(device, torch.tensor([0, 1, 2]))",
    "functional.cross_entropy(device[:2], device_places, torch.ones(3))",
    "functional.embedding(places, device)",
    "torch.cat([device, host])",
    "torch.stack([device_scalar, scalar])",
    "torch.equal(device, host)",
    "torch.add(device, device, out=host)",
    "host.add_(device)",
    "scalar.add_(device_scalar)",
    "host[device_places]",
    "host[device > 3]",
    "host.__setitem__(device_places, 0.0)",
    "device.__setitem__(places, host[:2])",
    "device.masked_fill(host > 3, 0.0)",
    "device.masked_select(host > 3)",
    "device.gather(0, torch.zeros(3, 3, dtype=torch.int64))",
    "device.index_select(0, places)",
    "torch._foreach_add([device], [host])",
    "device.numpy()",
    "np.asarray(device)",
    "torch.rand(3, device='cuda', generator=torch.Generator())",
]


@pytest.mark.parametrize("meeting", MEETINGS)
def test_raises_where_cuda_raises(gpu, meeting):
    with pytest.raises((RuntimeError, TypeError), match=r"cuda|cpu"):
        eval(meeting, operands())


ALLOWED = [
    "device + scalar",
    "scalar * device",
    "device + 1",
    "device.add_(scalar)",
    "torch.where(device > 3, device, scalar)",
    "device.masked_fill(device > 3, scalar)",
    "device[places]",
    "device[host > 3]",
    "device[device_places, places]",
    "device @ device",
    "functional.one_hot(device_places, 3)",
    "functional.cross_entropy(device, torch.tensor([0, 1, 2]).cuda())",
    "torch.zeros_like(host, device='cuda')",
    "torch.eye(3, device='cuda') + device",
    "torch.ones(2, 2).to(device)",
    "device.to('cuda', torch.float64)",
]


@pytest.mark.parametrize("allowed", ALLOWED)
def test_computes_on_the_device_where_cuda_does(gpu, allowed):
    result = eval(allowed, operands())
    assert result.device.type == "cuda"
    names = operands()  # the same on the host, for the numbers
    for name in ("device", "device_scalar", "device_places"):
        names[name] = names[name].cpu()
    on_host = allowed.replace(".cuda()", "").replace("'cuda'", "'cpu'")
    torch.testing.assert_close(result.cpu(), eval(on_host, names))


def test_copies_go_both_ways(gpu):
    host, device = torch.zeros(4), torch.arange(4.0).cuda()
    host[1:] = device[1:]
    assert host.tolist() == [0, 1, 2, 3]
    device[0] = torch.tensor(9.0)
    device[1:3].copy_(torch.tensor([7.0, 8.0]))
    assert device.tolist() == [9, 7, 8, 3]
    assert device.sum().item() == 27


def test_a_copy_is_not_the_original(gpu):
    host = torch.zeros(2)
    device = host.to("cuda")
    device += 1
    back = device.cpu()
    device += 1
    assert (host[0], back[0], device[0].item()) == (0, 1, 2)


def test_gradients_flow_and_cross_to_the_host(gpu):
    weight = torch.ones(2, 2, device="cuda", requires_grad=True)
    start = torch.ones(2, requires_grad=True)
    (weight @ start.cuda()).square().sum().backward()
    assert isinstance(weight.grad, CudaTensor)
    assert weight.grad.tolist() == [[4, 4], [4, 4]]
    assert start.grad.device.type == "cpu"
    assert start.grad.tolist() == [8, 8]


def test_moving_a_module_keeps_its_parameters(gpu):
    model = LeNet()
    before = list(model.parameters())
    model.to("cuda", memory_format=torch.channels_last)
    after = list(model.parameters())
    assert all(old is new for old, new in zip(before, after, strict=True))
    assert all(p.is_cuda and p.is_leaf and p.requires_grad for p in after)
    with pytest.raises(RuntimeError, match="same device"):
        model(torch.zeros(1, 1, 28, 28))


def test_the_device_has_random_numbers_of_its_own(gpu):
    torch.manual_seed(3)
    host = torch.rand(4)
    torch.manual_seed(3)
    device = torch.rand(4, device="cuda")
    assert torch.equal(torch.rand(4), host)
    assert not torch.equal(torch.rand(4, device="cuda"), device)
    torch.cuda.manual_seed_all(3)
    assert torch.equal(torch.rand(4, device="cuda").cpu(), device.cpu())


def test_counts_what_the_host_has_not_waited_for(gpu):
    a = torch.ones(2, 2, device="cuda")
    a @ a
    a + a
    assert (gpu.running, gpu.waits) == (2, 0)
    torch.cuda.synchronize()
    assert (gpu.running, gpu.waits) == (0, 1)
    a.sum().item()
    assert (gpu.running, gpu.waits) == (0, 2)


def test_pick_device_takes_it_and_afterwards_no_more():
    with fake_cuda():
        assert try_device("cuda") is None
        assert pick_device().type == "cuda"
        assert torch.cuda.is_available()
    is_there = torch.cuda.is_available()
    assert is_there == (torch.cuda.device_count() > 0)
    assert type(torch.ones(2) + 1) is torch.Tensor


# Our code on it: the same numbers as on the CPU


@pytest.mark.parametrize("recipe", [ADAM, SGD])
def test_training_gives_the_numbers_of_the_cpu(gpu, recipe):
    run = {}
    for device in ("cpu", "cuda"):
        model = lenet()
        history = fit(
            model,
            examples(),
            recipe,
            validation=examples(10),
            device=device,
            progress=False,
        )
        assert {p.device.type for p in model.parameters()} == {device}
        state = {k: v.cpu() for k, v in model.state_dict().items()}
        run[device] = history, state
    # The layouts differ, and with them the order of the sums.
    (history, state), (ours, weights) = run["cpu"], run["cuda"]
    assert ours.losses == pytest.approx(history.losses, rel=1e-4)
    for key, value in state.items():
        assert torch.allclose(value, weights[key], atol=1e-3), key


def test_classifier_gives_the_numbers_of_the_cpu(gpu):
    expected = Classifier(lenet(), device="cpu").probabilities(PAGES)
    assert gpu.launches == 0
    result = Classifier(lenet(), device="cuda").probabilities(PAGES)
    assert gpu.launches > 0
    assert np.allclose(result, expected, atol=1e-6)


def test_a_checkpoint_of_the_device_is_readable_without_it(tmp_path):
    path = tmp_path / "run.safetensors"
    with fake_cuda():
        model = lenet()
        fit(model, examples(), ADAM, checkpoint=path, progress=False)
        expected = model.conv1.weight.detach().cpu()
    weights = Checkpoint.load(path).model["conv1.weight"]
    assert torch.equal(weights, expected)
    assert Classifier.load(path, "cpu").predict(PAGES).shape == (40,)


class Dropping(LeNet):
    """A model that draws random numbers on its device."""

    def forward(self, images):
        return functional.dropout(super().forward(images), training=True)


def test_a_resumed_run_goes_on_in_the_random_numbers_of_the_device(
    gpu, tmp_path, monkeypatch
):
    options = {"checkpoint": tmp_path / "run.safetensors", "progress": False}
    torch.manual_seed(0)
    expected = fit(Dropping(), examples(), ADAM, progress=False).losses
    torch.manual_seed(0)
    model = Dropping()
    with monkeypatch.context() as patch:
        patch.setattr(
            "gpu_course.training.loop.progress_bar", interrupting_bar(4)
        )
        with pytest.raises(KeyboardInterrupt):
            fit(model, examples(), ADAM, **options)
    torch.manual_seed(7)
    losses = fit(Dropping(), examples(), ADAM, resume=True, **options).losses
    assert losses == expected


# Our sources, broken on purpose


def source_as_module(name, snippet=None, replacement=None):
    """Run the source of a module of ours, with one snippet replaced."""
    path = Path(gpu_course.__file__).parent / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    if snippet is not None:
        assert source.count(snippet) == 1, f"{snippet!r} in {path}"
        source = source.replace(snippet, replacement)
    module = types.ModuleType(f"copy_of_{path.stem}")
    exec(compile(source, str(path), "exec"), vars(module))
    return module


def use_training(training, gpu, tmp_path):
    """Train from each kind of data set, judge, stop and resume."""
    small = replace(ADAM, batch_size=4)
    loader = DataLoader(examples(), 4, shuffle=True)
    for train in (examples(), to_cuda(examples()), loader):
        model, before = lenet(), gpu.waits
        history = training.fit(model, train, small, progress=False)
        assert all(np.isfinite(history.losses))
        # A wait in each of the 20 steps would slow a GPU down. There are
        # two in `check`, once an epoch, one at the end, and `try_device`.
        waits = gpu.waits - before
        assert waits <= 8, f"{waits} waits for the device"
        loss, accuracy = training.evaluate(model, train)
        assert 0 < loss < 10
        assert 0 <= accuracy <= 1
    path = tmp_path / "run.safetensors"
    options = {"checkpoint": path, "progress": False}
    show, training.progress_bar = training.progress_bar, interrupting_bar(4)
    with pytest.raises(KeyboardInterrupt):
        training.fit(lenet(), to_cuda(examples()), ADAM, **options)
    training.progress_bar = show
    resumed = training.fit(
        lenet(), to_cuda(examples()), ADAM, resume=True, **options
    )
    assert len(resumed.losses) == 6


def use_inference(inference, gpu, tmp_path):
    """Classify arrays, and tensors of either side; save and load."""
    classifier = inference.Classifier(lenet())
    classifier.save(tmp_path / "lenet.safetensors")
    loaded = inference.Classifier.load(tmp_path / "lenet.safetensors")
    expected = classifier.probabilities(PAGES.numpy())
    assert np.array_equal(loaded.probabilities(PAGES), expected)
    assert np.array_equal(loaded.probabilities(PAGES.cuda()), expected)
    assert np.array_equal(loaded.predict(PAGES), expected.argmax(axis=1))


def use_data(data, gpu, tmp_path):
    """Train a step on a preloaded split, and split it."""
    data.load_mnist = lambda split, root=None: (PAGES, torch.arange(40) % 10)
    dataset = data.preload("train", "cuda")
    images, labels = dataset.tensors
    functional.cross_entropy(LeNet().cuda()(images), labels).backward()
    on_host = data.preload("train", "cpu").tensors[0]
    assert torch.equal(images.cpu(), on_host)
    for part in data.split_validation(dataset, 8):
        assert part.tensors[0].is_cuda
        assert part.tensors[1].is_cuda
    data.split_validation(TensorDataset(on_host, labels.cpu()), 8)


def use_timing(timing, gpu, tmp_path):
    """Time a kernel: the clock stops only when it has run."""
    a = torch.ones(4, 4, device="cuda")
    measurement = timing.time_call(lambda: a @ a, min_run_time_s=0.002)
    assert measurement.median_s > 0
    assert gpu.launches > 0
    assert gpu.running == 0, "the clock stopped while kernels were running"


def use_comparison(comparison, gpu, tmp_path):
    """Time two kernels in turn, and wait for each."""
    a = torch.ones(4, 4, device="cuda")
    one = comparison.Stop(1)
    compared = comparison.compare(lambda: a @ a, lambda: a + a, stop=one)
    assert compared.ratio > 0
    assert gpu.running == 0, "the clock stopped while kernels were running"


def use_bench(bench, gpu, tmp_path):
    """Run the article's pipeline."""
    loader = DataLoader(examples(), 16)
    device = torch.device("cuda")
    assert bench.article_pipeline(loader, loader, device) > 0


def use_counter(counter, gpu, tmp_path):
    """Count the FLOPs of a model on either side."""
    flops = counter.training_flops_per_image(LeNet().to("cuda"))
    assert flops == counter.training_flops_per_image(LeNet())


ROUTES = {
    "training/loop": use_training,
    "training/classifier": use_inference,
    "data/mnist": use_data,
    "timing/timer": use_timing,
    "timing/comparison": use_comparison,
    "bench/article": use_bench,
    "hardware/work_counter": use_counter,
}

BROKEN = {
    "the model stays on the host": (
        "training/loop",
        "    place(model, device)\n",
        "",
    ),
    "the data set stays on the host": (
        "training/loop",
        "tuple(tensor.to(device) for tensor in dataset.tensors)",
        "dataset.tensors",
    ),
    "the labels of a data set stay on the host": (
        "training/loop",
        "tuple(tensor.to(device) for tensor in dataset.tensors)",
        "(dataset.tensors[0].to(device), dataset.tensors[1])",
    ),
    "the images of a loader stay on the host": (
        "training/loop",
        "tuple(t.to(device, non_blocking=True) for t in batch)",
        "(batch[0], batch[1].to(device, non_blocking=True))",
    ),
    "the labels of a loader stay on the host": (
        "training/loop",
        "tuple(t.to(device, non_blocking=True) for t in batch)",
        "(batch[0].to(device, non_blocking=True), batch[1])",
    ),
    "the order goes to the host": (
        "training/loop",
        "yield tuple(tensor[part] for tensor in tensors)",
        "yield tuple(tensor.cpu()[part] for tensor in tensors)",
    ),
    "class weights on the host": (
        "training/loop",
        "label_smoothing=recipe.label_smoothing",
        "weight=torch.ones(10)",
    ),
    "each loss is copied to the host": (
        "training/loop",
        "self.losses = torch.zeros(steps, device=device)",
        "self.losses = torch.zeros(steps)",
    ),
    "each loss is waited for": (
        "training/loop",
        "return loss.detach()",
        "return loss.item()",
    ),
    "evaluate adds device numbers to host ones": (
        "training/loop",
        "torch.stack([loss, right.to(loss.dtype)]).cpu()",
        "torch.stack([loss, right.to(loss.dtype)])",
    ),
    "evaluate adds host numbers to device ones": (
        "training/loop",
        "total = torch.zeros(2, dtype=torch.float64)",
        "total = torch.zeros(2, dtype=torch.float64, device=device)",
    ),
    "evaluate compares with labels on the host": (
        "training/loop",
        "(logits.argmax(dim=1) == labels).sum()",
        "(logits.argmax(dim=1) == labels.cpu()).sum()",
    ),
    "a resumed model is left on the host": (
        "training/loop",
        "self.model.load_state_dict(saved.model)",
        "self.model.load_state_dict(saved.model, assign=True)",
    ),
    "a resumed optimizer is left on the host": (
        "training/loop",
        "torch.empty_like(parameter)",
        "torch.empty_like(parameter, device='cpu')",
    ),
    "the classifier's model stays on the host": (
        "training/classifier",
        "place(model, self.device)",
        "model",
    ),
    "the classifier's images stay on the host": (
        "training/classifier",
        "normalise(images, self.device, self.mean, self.std)",
        "normalise(images, 'cpu', self.mean, self.std)",
    ),
    "the classifier's result stays on the device": (
        "training/classifier",
        "torch.cat(parts).cpu().numpy()",
        "torch.cat(parts).numpy()",
    ),
    "preload leaves the labels on the host": (
        "data/mnist",
        "TensorDataset(images, labels.to(device))",
        "TensorDataset(images, labels)",
    ),
    "preload leaves the images on the host": (
        "data/mnist",
        "images.to(device).unsqueeze(1)",
        "images.unsqueeze(1)",
    ),
    "normalise mixes": (
        "data/mnist",
        "sub_(mean / std)",
        "sub_(images.new_full((1,), mean / std, device='cpu'))",
    ),
    "time_call does not wait": (
        "timing/timer",
        "clock = clock or waiting_clock()\n        timer",
        "clock = __import__('time').time\n        timer",
    ),
    "compare does not wait": (
        "timing/comparison",
        "clock = clock or waiting_clock()\n        calls",
        "clock = __import__('time').time\n        calls",
    ),
    "the article's model stays on the host": (
        "bench/article",
        "ReluFirstLeNet().to(device)",
        "ReluFirstLeNet()",
    ),
    "the article's labels stay on the host": (
        "bench/article",
        "functional.cross_entropy(logits, labels.to(device))",
        "functional.cross_entropy(logits, labels)",
    ),
    "the article's test labels stay on the host": (
        "bench/article",
        "(digits == labels.to(device))",
        "(digits == labels)",
    ),
    "the image of the FLOP count stays on the host": (
        "hardware/work_counter",
        "torch.zeros(1, 1, 28, 28, device=device)",
        "torch.zeros(1, 1, 28, 28)",
    ),
}


@pytest.mark.parametrize("name", ROUTES)
def test_our_source_runs(gpu, tmp_path, name):
    ROUTES[name](source_as_module(name), gpu, tmp_path)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_copy_fails(gpu, tmp_path, fault):
    name, snippet, replacement = BROKEN[fault]
    module = source_as_module(name, snippet, replacement)
    with pytest.raises(
        (RuntimeError, TypeError, AssertionError),
        match=r"same device|indices should be|to numpy|waits|running",
    ):
        ROUTES[name](module, gpu, tmp_path)
