"""The optimizers' kernels against `torch.optim`."""

import math

import numpy as np
import pytest
import torch

from gpu_course.cuda.kernel import Kernel
from gpu_course.layers import optimizers
from gpu_course.training.recipe import Recipe


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


def parameters():
    rng = torch.Generator().manual_seed(0)
    return [
        torch.randn(shape, generator=rng).requires_grad_()
        for shape in ((3, 4), (150,), ())
    ]


def run(make, schedule=None, steps=20):
    """Return the parameters after steps with gradients of many sizes."""
    given = parameters()
    optimizer = make(given)
    schedule = schedule and schedule(optimizer)
    rng = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in given:
            size = 10 ** torch.empty(parameter.shape).uniform_(
                -6, 3, generator=rng
            )
            parameter.grad = size * torch.randn(parameter.shape, generator=rng)
        optimizer.step()
        if schedule:
            schedule.step()
    return given


PAIRS = {
    "sgd": (
        lambda p: optimizers.KernelSGD(p, 1e-3, 0.9),
        lambda p: torch.optim.SGD(p, 1e-3, 0.9),
    ),
    "sgd without momentum": (
        lambda p: optimizers.KernelSGD(p, 1e-2, 0),
        lambda p: torch.optim.SGD(p, 1e-2, 0),
    ),
    "adam": (
        lambda p: optimizers.KernelAdam(p, 0.01),
        lambda p: torch.optim.Adam(p, 0.01),
    ),
    "adam with other constants": (
        lambda p: optimizers.KernelAdam(p, 0.1, (0.8, 0.99), 1e-3),
        lambda p: torch.optim.Adam(p, 0.1, (0.8, 0.99), 1e-3),
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=list(PAIRS))
@pytest.mark.parametrize("one_cycle", [False, True])
def test_steps_agree_with_pytorch(pair, one_cycle):
    def schedule(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.01, total_steps=30
        )

    mine, theirs = (
        run(make, schedule if one_cycle else None) for make in pair
    )
    for got, expected in zip(mine, theirs, strict=True):
        torch.testing.assert_close(got, expected, rtol=2e-6, atol=2e-6)


def test_the_first_step_of_adam_is_the_rate():
    # Then m = g and s = g² after the corrections, so θ moves by η.
    given = torch.zeros(4, requires_grad=True)
    given.grad = torch.tensor([1e-3, -1.0, 1e3, 0.0])
    optimizers.KernelAdam([given], 0.01).step()
    expected = torch.tensor([-0.01, 0.01, -0.01, 0.0])
    torch.testing.assert_close(given.detach(), expected, rtol=1e-4, atol=0)


def test_parameters_without_a_gradient_stay():
    given = parameters()
    before = [p.detach().clone() for p in given]
    given[0].grad = torch.ones(3, 4)
    optimizers.KernelSGD(given, 0.1).step()
    assert not torch.equal(given[0], before[0])
    assert torch.equal(given[1], before[1])


def test_a_closure_computes_the_loss():
    given = torch.ones(2, requires_grad=True)
    optimizer = optimizers.KernelSGD([given], 0.5, 0)

    def closure():
        optimizer.zero_grad()
        loss = given.square().sum() / 2
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1
    assert given.tolist() == [0.5, 0.5]


def test_the_state_can_be_kept():
    whole = run(lambda p: optimizers.KernelAdam(p, 0.01), steps=1)
    one = optimizers.KernelAdam(whole, 0.01)
    for parameter in whole:
        parameter.grad = torch.ones_like(parameter)
    one.step()
    other = optimizers.KernelAdam(whole, 0.5)
    other.load_state_dict(one.state_dict())
    assert other.param_groups[0]["lr"] == 0.01
    assert other.state[whole[0]]["step"] == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optimizers.KernelSGD(p, -1), "lr must be at least 0"),
        (lambda p: optimizers.KernelSGD(p, math.nan), "got nan"),
        (lambda p: optimizers.KernelSGD(p, 1, 1), "momentum must be .* got 1"),
        (lambda p: optimizers.KernelAdam(p, 1, (0.9, 1)), "beta2 must be"),
        (lambda p: optimizers.KernelAdam(p, 1, eps=0), "eps must be positive"),
    ],
)
def test_wrong_constants(make, message):
    with pytest.raises(ValueError, match=message):
        make(parameters())


def test_other_types_are_refused():
    given = torch.ones(2, dtype=torch.float64, requires_grad=True)
    given.grad = torch.ones_like(given)
    with pytest.raises(TypeError, match="parameters, got torch"):
        optimizers.KernelAdam([given], 1).step()


@pytest.mark.parametrize("schedule", ["constant", "one-cycle"])
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_recipe_is_built_as_with_pytorch(name, schedule):
    recipe = Recipe(name, 0.01, 128, 1, schedule=schedule)
    model = torch.nn.Linear(2, 2)
    mine, my_rates = optimizers.build(recipe, model, 10)
    theirs, their_rates = recipe.build(model, 10)
    for rates in (my_rates, their_rates):
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        rates.optimizer.step()
        rates.step()
    assert type(my_rates) is type(their_rates)
    for key in ("lr", "betas" if name == "adam" else "momentum"):
        assert mine.param_groups[0][key] == theirs.param_groups[0][key]


def test_the_kernels_have_no_findings_and_no_float64():
    optimizers.rehearse()
    arrays = [np.ones(64, np.float32) for _ in range(4)]
    one = np.float32(0.5)
    launches = {
        "sgd_kernel": (*arrays[:3], one, one),
        "adam_kernel": (*arrays, one, one, one, one, one),
    }
    for name, arguments in launches.items():
        kernel = getattr(optimizers, name)
        assert isinstance(kernel, Kernel)
        kernel.check[2, 32](*arguments)
        report = kernel.trace[2, 32](*arguments)
        assert report.coalescing_efficiency > 0.95
        for signature in kernel.recorded:
            assert ".f64" not in kernel.inspect_ptx("8.0", signature)
