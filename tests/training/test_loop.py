"""Training against plain PyTorch and plain arithmetic."""

import copy
import math
import re
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import ADAM, SGD, examples, fit
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from gpu_course.training import loop
from gpu_course.training.checkpoint import Checkpoint
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import TrainingDiverged, evaluate
from gpu_course.training.recipe import Recipe


def lenet(seed=0):
    torch.manual_seed(seed)
    return LeNet()


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def same(ours, theirs):
    return all(map(torch.equal, ours, theirs))


def loss_by_hand(logits, labels, smoothing):
    """Cross-entropy from its definition, with smoothed targets."""
    targets = functional.one_hot(labels, 10).to(logits.dtype)
    targets = (1 - smoothing) * targets + smoothing / 10
    powers = logits.exp()
    logs = (powers / powers.sum(dim=1, keepdim=True)).log()
    return -(targets * logs).sum(dim=1).mean()


def sgd_by_hand(values, gradients, memory, step, rate):
    for value, gradient in zip(values, gradients, strict=True):
        before = memory.get(id(value), torch.zeros_like(value))
        memory[id(value)] = 0.9 * before + gradient
        value -= rate * memory[id(value)]


def adam_by_hand(values, gradients, memory, step, rate):
    """Kingma and Ba, arXiv:1412.6980, algorithm 1."""
    for value, gradient in zip(values, gradients, strict=True):
        m, v = memory.get(id(value), (0, 0))
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        memory[id(value)] = m, v
        m, v = m / (1 - 0.9**step), v / (1 - 0.999**step)
        value -= rate * m / (v.sqrt() + 1e-8)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("optimizer", "update"), [("sgd", sgd_by_hand), ("adam", adam_by_hand)]
)
def test_steps_are_those_of_the_formula(optimizer, update, smoothing):
    # All images in one batch: then their order does not matter. In float64:
    # where a gradient is next to nothing Adam divides it by itself.
    recipe = Recipe(optimizer, 0.01, 20, 3, label_smoothing=smoothing)
    images, labels = examples().tensors
    images, model = images.double(), lenet().double()
    by_hand, memory, losses = copy.deepcopy(model), {}, []
    values = list(by_hand.parameters())
    for step in (1, 2, 3):
        loss = loss_by_hand(by_hand(images), labels, smoothing)
        gradients = torch.autograd.grad(loss, values)
        with torch.no_grad():
            update(values, gradients, memory, step, 0.01)
        losses.append(loss.item())
    history = fit(model, TensorDataset(images, labels), recipe)
    assert history.losses == pytest.approx(losses, rel=1e-6)
    for ours, theirs in zip(weights(model), values, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-8)


def images_seen(model):
    """Return a list that gets what the model is given."""
    seen = []
    model.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].clone())
    )
    return seen


def which(images, data):
    """Return the places of the images in the data set."""
    return [
        int((data.tensors[0] == image).flatten(1).all(dim=1).nonzero())
        for image in images
    ]


@pytest.mark.parametrize("recipe", [SGD, ADAM])
def test_a_run_equals_a_plain_loop_over_the_same_batches(recipe):
    data, model = examples(), lenet()
    plain = copy.deepcopy(model).to(memory_format=torch.channels_last)
    seen = images_seen(model)
    history = fit(model, data, recipe)
    if recipe is SGD:
        optimizer = torch.optim.SGD(plain.parameters(), 0.05, momentum=0.9)
        schedule = None
    else:
        optimizer = torch.optim.Adam(plain.parameters(), 0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.01, total_steps=6
        )
    losses = []
    for images in seen:
        labels = data.tensors[1][which(images, data)]
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)(
            plain(images), labels
        )
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
    assert len(losses) == 6
    assert history.losses == pytest.approx(losses, rel=1e-5)
    for ours, theirs in zip(weights(model), weights(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_each_epoch_sees_every_image_once_in_an_order_of_its_own():
    data, model = examples(), lenet()
    seen = images_seen(model)
    fit(model, data, SGD)
    assert [len(images) for images in seen] == [8, 8, 4, 8, 8, 4]
    first, second = (
        which(torch.cat(seen[start : start + 3]), data) for start in (0, 3)
    )
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert first != sorted(first)


@pytest.mark.parametrize("recipe", [SGD, ADAM])
@pytest.mark.parametrize("loader", [False, True])
def test_the_seed_decides_the_run(recipe, loader):
    data = examples()
    if loader:
        data = DataLoader(data, 8, shuffle=True)
    ends = {}
    for name, seed in {"a": 0, "again": 0, "other": 1}.items():
        model = lenet()
        torch.manual_seed(len(name))  # is not to matter
        ends[name] = fit(model, data, recipe, seed=seed), weights(model)
    assert ends["a"][0] == ends["again"][0]
    assert same(ends["a"][1], ends["again"][1])
    assert not same(ends["a"][1], ends["other"][1])


def test_a_loader_brings_its_own_batches():
    loader = DataLoader(examples(), 5)
    history = fit(lenet(), loader, SGD)  # the recipe says 8
    assert len(history.losses) == 2 * 4


def judged_by_hand(model, data):
    """Return loss and accuracy, in float64 and NumPy."""
    images, labels = data.tensors
    with torch.no_grad():
        logits = copy.deepcopy(model).double()(images.double()).numpy()
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -logs[np.arange(len(labels)), labels].mean()
    return loss, (logits.argmax(axis=1) == labels.numpy()).mean()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 20])
@pytest.mark.parametrize("loader", [False, True])
def test_evaluate_equals_a_computation_by_hand(count, loader):
    model, data = lenet(), examples(count)
    given = DataLoader(data, 8) if loader else data
    loss, accuracy = evaluate(model, given, "cpu", batch_size=8)
    expected = judged_by_hand(model, data)
    assert loss == pytest.approx(expected[0], rel=1e-6)
    assert accuracy == expected[1]


def test_evaluate_counts_right_answers():
    class Says(nn.Module):
        def forward(self, images):
            digits = images[:, 0, 0, 0].long()
            return functional.one_hot(digits, 10).float()

    images = torch.zeros(7, 1, 28, 28)
    images[:, 0, 0, 0] = torch.tensor([0, 1, 2, 3, 4, 5, 6])
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 0])
    data = TensorDataset(images, labels)
    loss, accuracy = evaluate(Says(), data, "cpu", batch_size=3)
    assert accuracy == 5 / 7
    total = math.log(math.e + 9)
    assert loss == pytest.approx((5 * (total - 1) + 2 * total) / 7)


class Moody(LeNet):
    """Records in which mode it is called."""

    def __init__(self):
        super().__init__()
        self.modes = []

    def forward(self, images):
        self.modes.append("train" if self.training else "eval")
        return super().forward(images)


def test_validation_is_judged_after_each_epoch_and_not_trained_on():
    torch.manual_seed(0)
    model, data, held_out = Moody(), examples(), examples(9, seed=2)
    history = fit(model, data, SGD, validation=held_out)
    assert model.modes == [*["train"] * 3, "eval", *["train"] * 3, "eval"]
    assert len(history.validation_loss) == 2
    last = history.validation_loss[1], history.validation_accuracy[1]
    assert last == evaluate(model, held_out, "cpu")
    without = lenet()
    assert fit(without, data, SGD).losses == history.losses
    assert same(weights(without), weights(model))


def test_validation_after_the_first_epoch_is_of_the_model_of_then():
    data, held_out, model = examples(), examples(9, seed=2), lenet()
    half = lenet()
    fit(half, data, replace(SGD, epochs=1))
    history = fit(model, data, SGD, validation=held_out)
    first = history.validation_loss[0], history.validation_accuracy[0]
    assert first == evaluate(half, held_out, "cpu")


def test_one_cycle_rates_are_those_of_torch():
    rates, momenta = [], []

    class Watched(Recipe):
        def build(self, model, steps):
            optimizer, schedule = super().build(model, steps)

            def record(*_):
                (group,) = optimizer.param_groups
                rates.append(group["lr"])
                momenta.append(group["betas"][0])

            model.register_forward_hook(record)
            return optimizer, schedule

    recipe = Watched("adam", 0.01, 2, 1, schedule="one-cycle")
    fit(lenet(), examples(), recipe)
    other = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    schedule = torch.optim.lr_scheduler.OneCycleLR(other, 0.01, 10)
    expected, expected_momenta = [], []
    for _ in range(10):
        expected.append(other.param_groups[0]["lr"])
        expected_momenta.append(other.param_groups[0]["betas"][0])
        other.step()
        schedule.step()
    assert rates == expected
    assert momenta == expected_momenta
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 2  # the third of ten steps
    assert rates[0] == pytest.approx(0.01 / 25)


def finite(checkpoint):
    tensors = [*checkpoint.model.values(), checkpoint.losses]
    for state in checkpoint.optimizer["state"].values():
        tensors += [torch.as_tensor(value) for value in state.values()]
    return all(bool(torch.isfinite(t).all()) for t in tensors)


@pytest.mark.parametrize("recipe", [SGD, ADAM])
def test_nan_stops_the_run_and_spoils_no_checkpoint(
    tmp_path, monkeypatch, recipe
):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0)
    path, data, model = tmp_path / "run", examples(), lenet()
    data.tensors[0][13] = math.nan
    seen = images_seen(model)
    with pytest.raises(TrainingDiverged) as caught:
        fit(model, data, recipe, checkpoint=path)
    bad = [bool(images.isnan().any()) for images in seen].index(True) + 1
    message = str(caught.value)
    assert f"became nan at step {bad} (epoch 1)" in message
    assert f"learning rate of {recipe.learning_rate}" in message
    saved = Checkpoint.load(path)
    assert finite(saved)
    assert saved.progress["batch"] == bad - 1


def test_a_rate_too_high_names_the_rate():
    recipe = replace(SGD, learning_rate=1e20)
    with pytest.raises(TrainingDiverged, match=r"1e\+20") as caught:
        fit(lenet(), examples(), recipe)
    assert int(re.search(r"step (\d+)", str(caught.value))[1]) > 1


def test_weights_that_overflow_in_the_last_step_are_noticed(tmp_path):
    path, data = tmp_path / "run", examples(8)
    data.tensors[0].mul_(1e10)
    recipe = Recipe("sgd", 1e34, 8, 1)  # one step: its loss is still finite
    with pytest.raises(TrainingDiverged, match=r"weight .* step 1 .*1e\+34"):
        fit(lenet(), data, recipe, checkpoint=path)
    assert finite(Checkpoint.load(path))


@pytest.mark.parametrize("loader", [False, True])
def test_no_examples_is_an_error(loader):
    none = examples(0)
    given = DataLoader(none, 8) if loader else none
    with pytest.raises(ValueError, match="training set is empty"):
        fit(lenet(), given, SGD)
    with pytest.raises(ValueError, match="data set is empty"):
        evaluate(lenet(), given, "cpu")


def test_the_handler_of_ctrl_c_is_put_back():
    before, during = signal.getsignal(signal.SIGINT), []
    model = lenet()
    model.register_forward_hook(
        lambda *_: during.append(signal.getsignal(signal.SIGINT))
    )
    fit(model, examples(), SGD)
    assert before not in during
    assert signal.getsignal(signal.SIGINT) is before


def test_trains_in_a_thread_too():
    threads, model = [], lenet()

    def train():
        threads.append(fit(model, examples(), SGD))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    alone = lenet()
    assert threads[0] == fit(alone, examples(), SGD)
    assert same(weights(model), weights(alone))


def test_learns_to_tell_two_patterns_apart():
    images = torch.zeros(40, 1, 28, 28)
    images[::2, :, :14] = 1
    images[1::2, :, 14:] = 1
    data = TensorDataset(images, torch.arange(40) % 2)
    model = lenet()
    fit(model, data, Recipe("adam", 0.003, 8, 6))
    loss, accuracy = evaluate(model, data, "cpu")
    assert accuracy == 1
    assert loss < 0.1


def test_an_interrupt_during_the_last_validation_is_heard(monkeypatch):
    judge = loop.evaluate

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return judge(*arguments)

    monkeypatch.setattr(loop, "evaluate", interrupted)
    recipe = replace(SGD, epochs=1)
    with pytest.raises(KeyboardInterrupt, match="after epoch 1 of 1"):
        fit(lenet(), examples(), recipe, validation=examples())


def test_the_bars_count_from_one(monkeypatch):
    titles = []
    real = loop.progress_bar

    def noted(title, *rest):
        titles.append(title)
        return real(title, *rest)

    monkeypatch.setattr(loop, "progress_bar", noted)
    fit(lenet(), examples(), replace(ADAM, epochs=3))
    assert titles == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
