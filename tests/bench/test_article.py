"""The benchmark counts and compares what it says."""

import pytest
import torch
from torch.utils.data import TensorDataset

from gpu_course.bench import article


@pytest.fixture
def tiny(monkeypatch):
    """A data set of 40 images behind both pipelines."""
    images, labels = torch.randn(40, 1, 28, 28), torch.arange(40) % 10
    dataset = TensorDataset(images, labels)
    monkeypatch.setattr(article, "preload", lambda split, device: dataset)
    monkeypatch.setattr(
        article,
        "mnist_loader",
        lambda split, size=20: torch.utils.data.DataLoader(dataset, size),
    )
    monkeypatch.setattr(article, "IMAGES_PER_BATCH_SIZE", 40)


def test_pairs_and_median_belong_together(tiny):
    lines = []
    result = article.bench_training(3, "cpu", lines.append)
    ratios = [pair["ratio"] for pair in result["pairs"]]
    assert result["ratio_median"] == sorted(ratios)[1]
    for pair in result["pairs"]:
        expected = pair["article_seconds"] / pair["course_seconds"]
        assert pair["ratio"] == expected
    sizes = [row["batch_size"] for row in result["batch_sizes"]]
    assert sizes == list(article.BATCH_SIZES)
    assert len(lines) == 3 + len(sizes) + 1


def test_no_pairs_is_an_error():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        article.bench_training(0, "cpu")
