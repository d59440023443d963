"""The tasks ``rows-…``: digits read row by row by three networks.

Rates were chosen on 10,000 of the training images, never on the test set:
for each network the best of 0.001 to 0.02 after two epochs, seed 0. The full
runs train on all 60,000.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from gpu_course.tasks.digits import Digits, judge, load, nearest_mean
from gpu_course.tasks.task import Task
from gpu_course.training.recipe import Recipe
from gpu_course.training.row_networks import RecurrentRows, TransformerRows


def logistic_regression(data: Digits, iterations: int = 30) -> float:
    """Return the accuracy of a linear classifier of the 784 pixels.

    The cross-entropy over all training images is minimised by L-BFGS, from
    zero. Of 30, 60 and 120 iterations 30 were best on the 10,000 images that
    were kept out for such choices: with more of them it begins to overfit.
    """
    images, labels = (tensor.cpu() for tensor in data.train.tensors)
    pixels = images.flatten(1)
    weights = torch.zeros(10, pixels.shape[1], requires_grad=True)
    bias = torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        logits = functional.linear(pixels, weights, bias)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    tests, truth = (tensor.cpu() for tensor in data.test.tensors)
    with torch.no_grad():
        said = functional.linear(tests.flatten(1), weights, bias).argmax(1)
    return (said == truth).float().mean().item()


def baseline(data: Digits) -> dict[str, float]:
    """Return the accuracies of two classifiers that know of no order."""
    return {
        "logistic regression: accuracy": logistic_regression(data),
        **nearest_mean(data),
    }


def _task(name: str, rate: float, make: Callable[[], nn.Module]) -> Task:
    return Task(
        name=name,
        recipe=Recipe(
            "adam", rate, 128, 4, schedule="one-cycle", max_norm=1.0
        ),
        load=load,
        build=lambda data: make(),
        loss=None,
        judge=judge,
        baseline=baseline,
        measure="accuracy",
    )


TASKS = {
    task.name: task
    for task in (
        _task("rows-rnn", 0.002, lambda: RecurrentRows("rnn")),
        _task("rows-gru", 0.01, lambda: RecurrentRows("gru")),
        _task("rows-transformer", 0.02, TransformerRows),
    )
}
