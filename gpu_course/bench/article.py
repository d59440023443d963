"""Benchmarks of the training: the article's pipeline against the course's."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Subset, TensorDataset

from gpu_course.common.device import pick_device
from gpu_course.data.mnist import mnist_loader, preload
from gpu_course.timing.comparison import Blocks, Stop, compare
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import evaluate, fit
from gpu_course.training.recipe import ARTICLE, ONE_EPOCH, Recipe

BATCH_SIZES = (32, 100, 256, 1024)
IMAGES_PER_BATCH_SIZE = 10_000
PAIRS = 3  # at each batch size
# A call takes seconds, and its start-up counts: one of each in a pair.
ONCE = Blocks(best_of=1, warm_up_s=0)


class ReluFirstLeNet(LeNet):
    """The same network with ReLU before pooling, as the article writes it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.conv1(images).relu())
        x = self.pool(self.conv2(x).relu())
        x = self.fc1(x.flatten(start_dim=1)).relu()
        return self.fc3(self.fc2(x).relu())


def article_pipeline(
    train: Iterable[Any], test: Iterable[Any], device: str | torch.device
) -> float:
    """Train one epoch and test, as the article does; return the seconds.

    Images are transformed one by one on their way into batches, nothing is
    kept on the device, and the optimizer is plain SGD.

    Parameters
    ----------
    train, test : DataLoader
    """
    start = time.perf_counter()
    model = ReluFirstLeNet().to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), ARTICLE.learning_rate, ARTICLE.momentum
    )
    for images, labels in train:
        optimizer.zero_grad()
        logits = model(images.to(device))
        loss = functional.cross_entropy(logits, labels.to(device))
        loss.backward()
        optimizer.step()
    loss.item()  # reading a result waits for a GPU to finish
    right = 0
    with torch.no_grad():
        for images, labels in test:
            digits = model(images.to(device)).argmax(dim=1)
            right += int((digits == labels.to(device)).sum())
    return time.perf_counter() - start


def course_pipeline(
    device: str | torch.device, recipe: Recipe = ONE_EPOCH
) -> float:
    """Load, train and test as the course does; return the seconds."""
    start = time.perf_counter()
    train, test = preload("train", device), preload("test", device)
    model = LeNet()
    fit(model, train, recipe, device=device, progress=False)
    evaluate(model, test, device)
    return time.perf_counter() - start


def bench_training(
    pairs: int = 5,
    device: str | torch.device | None = None,
    report: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Time the two pipelines in turn: an epoch of 60,000 images and its test.

    A pair is one run of each pipeline, one after the other, so that a slow
    spell of the machine hits both; see `timing.compare`. Both pipelines start
    from the files and end with the test.

    Parameters
    ----------
    pairs : int
        At least 1; the median ratio is the result.
    report : callable
        Called with a line of text after each step.

    Returns
    -------
    dict
        ``ratio_median`` with ``ratio_low``, ``ratio_high`` and their
        ``confidence``, ``pairs`` (seconds of each run and their ratio) and
        ``batch_sizes`` (images/s of each pipeline and who wins).
    """
    device = pick_device(device)
    timed = []

    def article():
        train = mnist_loader("train", ARTICLE.batch_size)
        test = mnist_loader("test", ARTICLE.batch_size)
        article_pipeline(train, test, device)

    def after_pair(article_s, course_s):
        timed.append(
            {
                "article_seconds": article_s,
                "course_seconds": course_s,
                "ratio": article_s / course_s,
            }
        )
        report(
            f"pair {len(timed)}/{pairs}: article {article_s:.2f} s, "
            f"course {course_s:.2f} s, ratio {article_s / course_s:.2f}"
        )

    compared = compare(
        article,
        lambda: course_pipeline(device),
        ("article", "course"),
        blocks=ONCE,
        stop=Stop(pairs),
        device=device,
        after_pair=after_pair,
    )
    sizes = [_compare_batch_size(size, device) for size in BATCH_SIZES]
    for row in sizes:
        report(
            f"batch {row['batch_size']:>4}: "
            f"article {row['article_images_per_second']:>7,.0f} images/s, "
            f"course {row['course_images_per_second']:>7,.0f} images/s, "
            f"{row['winner']} wins"
        )
    ratio = compared.ratio
    report(
        f"median ratio of {pairs} pairs: {ratio:.2f} "
        f"({compared.confidence:.0%} interval {compared.low:.2f} to "
        f"{compared.high:.2f})"
    )
    return {
        "ratio_median": ratio,
        "ratio_low": compared.low,
        "ratio_high": compared.high,
        "confidence": compared.confidence,
        "pairs": timed,
        "batch_sizes": sizes,
    }


def _compare_batch_size(batch_size, device):
    """Compare both pipelines on passes over 10,000 training images."""
    count = IMAGES_PER_BATCH_SIZE
    mnist = mnist_loader("train").dataset
    loader = DataLoader(Subset(mnist, range(count)), batch_size, shuffle=True)
    images, labels = preload("train", device).tensors
    subset = TensorDataset(images[:count], labels[:count])
    recipe = Recipe("adam", 0.01, batch_size, 1, schedule="one-cycle")
    compared = compare(
        lambda: article_pipeline(loader, [], device),
        lambda: fit(LeNet(), subset, recipe, device=device, progress=False),
        ("article", "course"),
        blocks=ONCE,
        stop=Stop(PAIRS),
        device=device,
    )
    return {
        "batch_size": batch_size,
        "article_images_per_second": count / compared.a.median_s,
        "course_images_per_second": count / compared.b.median_s,
        "winner": "course" if compared.ratio > 1 else "article",
    }
