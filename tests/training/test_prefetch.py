"""Copies ahead of the computation, and the model of what that saves."""

import pytest
import torch
from fake_cuda import CudaTensor, fake_cuda
from fake_streams import fake_streams

from gpu_course.training import prefetch as module
from gpu_course.training.prefetch import overlapped_times, prefetch


def batches(count=4):
    return [
        (torch.full((3,), float(n)), torch.tensor([n])) for n in range(count)
    ]


@pytest.fixture
def streams():
    with fake_cuda(), fake_streams() as streams:
        yield streams


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_on_the_cpu_batches_pass(count):
    got = list(prefetch(iter(batches(count)), "cpu"))
    assert len(got) == count
    for one, two in zip(got, batches(count), strict=True):
        assert all(map(torch.equal, one, two))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_on_the_device_each_arrives_once_and_in_order(streams, count):
    sums = []
    for x, n in prefetch(iter(batches(count)), "cuda"):
        assert isinstance(x, CudaTensor)
        sums.append((x.sum() + n.sum()).item())
    assert sums == [4.0 * n for n in range(count)]
    assert streams.recorded == 2 * count


def test_the_next_copy_is_queued_before_a_batch_is_given(streams):
    asked = []

    def watched():
        for number, batch in enumerate(batches()):
            asked.append(number)
            yield batch

    stream = prefetch(watched(), "cuda")
    next(stream)
    assert asked == [0, 1]


def test_without_the_wait_the_device_complains(streams, monkeypatch):
    """The stand-in can tell: else the tests above would show nothing."""
    monkeypatch.setattr(
        module.torch.cuda.Stream, "knows", lambda self, s, t: s is self
    )
    x, _ = next(prefetch(iter(batches()), "cuda"))
    with pytest.raises(RuntimeError, match="has not waited"):
        x.sum()


def test_overlap_by_hand():
    # Copies take 1 each; computing takes 2 each and starts at 1.
    times = overlapped_times(3, 6, 3)
    assert times == [(0, 1, 1, 3), (1, 2, 3, 5), (2, 3, 5, 7)]


@pytest.mark.parametrize("chunks", [1, 2, 7])
@pytest.mark.parametrize(("copy", "compute"), [(1, 3), (3, 1), (2, 2)])
def test_overlap_agrees_with_the_formula(copy, compute, chunks):
    end = overlapped_times(copy, compute, chunks)[-1][-1]
    longer, shorter = max(copy, compute), min(copy, compute)
    assert end == pytest.approx(longer + shorter / chunks)


def test_no_chunks_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        overlapped_times(1, 1, 0)
