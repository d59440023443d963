"""The task ``digits``: the LeNet on MNIST, as in chapter 31."""

from dataclasses import dataclass

import torch
from torch.utils.data import TensorDataset

from gpu_course.data import mnist
from gpu_course.tasks.task import Task
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import evaluate
from gpu_course.training.recipe import ONE_EPOCH


@dataclass(frozen=True)
class Digits:
    """The digits, normalised: images (N, 1, 28, 28), labels (N,)."""

    train: TensorDataset
    test: TensorDataset


def load(device: torch.device) -> Digits:
    """Return both splits of MNIST on the device."""
    return Digits(
        mnist.preload("train", device), mnist.preload("test", device)
    )


def judge(model: torch.nn.Module, data: Digits) -> dict[str, float]:
    """Return the accuracy, 0 to 1, on the test images."""
    device = data.test.tensors[0].device
    return {"accuracy": evaluate(model, data.test, device)[1]}


def nearest_mean(data: Digits) -> dict[str, float]:
    """Return the accuracy of choosing the nearest of ten mean images."""
    images, labels = (tensor.cpu() for tensor in data.train.tensors)
    means = torch.stack([images[labels == d].mean(0) for d in range(10)])
    tests, truth = (tensor.cpu() for tensor in data.test.tensors)
    said = torch.cdist(tests.flatten(1), means.flatten(1)).argmin(1)
    right = (said == truth).float().mean().item()
    return {"nearest mean image: accuracy": right}


TASKS = {
    "digits": Task(
        name="digits",
        recipe=ONE_EPOCH,
        load=load,
        build=lambda data: LeNet(),
        loss=None,
        judge=judge,
        baseline=nearest_mean,
        measure="accuracy",
    )
}
