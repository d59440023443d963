"""The baseline of the rows: it is what it says, and hard enough to beat."""

import torch
from torch.utils.data import TensorDataset

from gpu_course.tasks.digits import Digits
from gpu_course.tasks.records import recorded
from gpu_course.tasks.rows import TASKS, logistic_regression


def separable(count, seed):
    """Return images whose class is the brightest of ten pixels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(count, 1, 28, 28)
    images[:, 0, 0, :10] = torch.randn(count, 10, generator=generator)
    return TensorDataset(images, images[:, 0, 0, :10].argmax(1))


def test_logistic_regression_finds_what_is_linear():
    data = Digits(separable(4000, 0), separable(500, 1))
    assert logistic_regression(data) > 0.9


def test_it_never_sees_the_test_labels():
    train, test = separable(200, 0), separable(100, 1)
    wrong = TensorDataset(test.tensors[0], (test.tensors[1] + 1) % 10)
    one = logistic_regression(Digits(train, test))
    other = logistic_regression(Digits(train, wrong))
    assert one > 0.2 > other


def test_the_stored_baseline_is_a_strong_one():
    for name in TASKS:
        (values,) = [
            values
            for baseline, values in recorded(name)
            .baselines("accuracy")
            .items()
            if baseline == "logistic regression"
        ]
        assert min(values) > 0.92
        assert min(recorded(name).values("accuracy")) > max(values)
