"""Training runs so small that a test can afford many."""

import torch
from torch.utils.data import TensorDataset

from gpu_course.training import loop
from gpu_course.training.recipe import Recipe

SGD = Recipe("sgd", 0.05, 8, 2)
ADAM = Recipe("adam", 0.01, 8, 2, "one-cycle", label_smoothing=0.1)


def fit(model, train, recipe, **options):
    options = {"device": "cpu", "progress": False, **options}
    return loop.fit(model, train, recipe, **options)


def examples(count=20, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return TensorDataset(images, labels)
