"""The benchmark counts and compares what it says."""

import pytest
import torch
from torch.utils.data import TensorDataset

from gpu_course import bench
from gpu_course.models import LeNet


def test_flops_are_those_of_the_shapes():
    forward = 2 * (
        24 * 24 * 6 * 25 + 8 * 8 * 16 * 25 * 6 + 256 * 120 + 120 * 84 + 84 * 10
    )
    # The backward pass is two products for each of the forward pass; only
    # the gradient of the images themselves is not needed.
    both = 3 * forward - 2 * 24 * 24 * 6 * 25
    assert bench.training_flops_per_image(LeNet()) == both


def test_counting_leaves_no_gradient():
    model = LeNet()
    bench.training_flops_per_image(model)
    assert all(p.grad is None for p in model.parameters())


def test_the_peak_is_a_plausible_rate():
    assert 1e8 < bench.sgemm_flops_per_second("cpu", size=256) < 1e14


@pytest.fixture
def tiny(monkeypatch):
    """A data set of 40 images behind both pipelines."""
    images, labels = torch.randn(40, 1, 28, 28), torch.arange(40) % 10
    dataset = TensorDataset(images, labels)
    monkeypatch.setattr(bench, "preload", lambda split, device: dataset)
    monkeypatch.setattr(
        bench,
        "mnist_loader",
        lambda split, size=20: torch.utils.data.DataLoader(dataset, size),
    )
    monkeypatch.setattr(bench, "IMAGES_PER_BATCH_SIZE", 40)


def test_pairs_and_median_belong_together(tiny):
    lines = []
    result = bench.bench_training(3, "cpu", lines.append)
    ratios = [pair["ratio"] for pair in result["pairs"]]
    assert result["ratio_median"] == sorted(ratios)[1]
    for pair in result["pairs"]:
        expected = pair["article_seconds"] / pair["course_seconds"]
        assert pair["ratio"] == expected
    sizes = [row["batch_size"] for row in result["batch_sizes"]]
    assert sizes == list(bench.BATCH_SIZES)
    assert len(lines) == 3 + len(sizes) + 1


def test_no_pairs_is_an_error():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        bench.bench_training(0, "cpu")
