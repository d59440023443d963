"""Attention's kernels against PyTorch, their traces against counts by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from gpu_course.layers import attention
from gpu_course.layers.attention import SIZE, TILE

SHAPES = [(1, 1), (2, 40), (TILE, TILE), (33, 70), (100, 31), (65, 257)]
LAUNCHES = [
    attention.launch_stored_attention,
    attention.launch_online_attention,
]
ways = pytest.mark.parametrize(
    "launch", LAUNCHES, ids=lambda launch: launch.__name__
)


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


def made(queries, keys, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    q = spread * rng.normal(size=(queries, SIZE))
    k, v = rng.normal(size=(2, keys, SIZE))
    return [x.astype(np.float32) for x in (q, k, v)]


def pytorch(q, k, v):
    tensors = [torch.from_numpy(x)[None, None] for x in (q, k, v)]
    return functional.scaled_dot_product_attention(*tensors)[0, 0].numpy()


def launched(launch, q, k, v):
    out = np.full_like(q, np.nan)
    launch(q, k, v, out)
    return out


@pytest.mark.parametrize("shape", SHAPES)
def test_numpy_agrees_with_pytorch(shape):
    q, k, v = made(*shape)
    got = attention.attention(q, k, v)
    assert np.abs(got - pytorch(q, k, v)).max() < 1e-5


@ways
@pytest.mark.parametrize("shape", SHAPES)
def test_kernels_agree_with_pytorch(launch, shape):
    q, k, v = made(*shape)
    got = launched(launch, q, k, v)
    assert np.abs(got - pytorch(q, k, v)).max() < 1e-5


@ways
def test_scores_whose_exponentials_overflow(launch):
    q, k, v = made(40, 90, spread=300)
    scores = q @ k.T / 4
    assert scores.max() > 200  # exp(89) is infinite in float32
    got = launched(launch, q, k, v)
    exact = attention.attention(*(x.astype(np.float64) for x in (q, k, v)))
    assert np.abs(got - exact).max() < 1e-3


@ways
@pytest.mark.parametrize("order", [1, -1])
def test_the_largest_score_may_come_first_or_last(launch, order):
    q = np.ones((3, SIZE), np.float32)
    k = np.linspace(-20, 20, 70, dtype=np.float32)[::order, None]
    k = np.repeat(k, SIZE, axis=1)
    v = np.arange(70 * SIZE, dtype=np.float32).reshape(70, SIZE)
    got = launched(launch, q, k, v)
    expected = pytorch(q, k, v)
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()


def traces(n):
    q, k, v = made(n, n)
    out, scores = np.empty_like(q), np.empty((n, n), np.float32)
    at, scale = (attention.blocks(n), TILE), np.float32(0.25)
    online = [attention.online_kernel.trace[at](q, k, v, scale, out)]
    three = [
        attention.scores_kernel.trace[at](q, k, scale, scores),
        attention.softmax_kernel.trace[at](scores),
        attention.mix_kernel.trace[at](scores, v, out),
    ]
    return online, three


@pytest.mark.parametrize("n", [32, 64])
def test_bytes_are_those_counted_by_hand(n):
    online, three = traces(n)
    tiles = 2 * n * SIZE + n // TILE * 2 * n * SIZE  # own rows, keys, values
    moved = [sum(32 * r.global_sectors for r in way) for way in traces(n)]
    assert moved == [4 * tiles, 4 * (tiles + 6 * n * n)]
    assert all(r.coalescing_efficiency == 1 for r in [*online, *three])


def test_the_traces_find_no_fault():
    for way in traces(33):
        for report in way:
            assert report.findings == []


@ways
def test_no_queries(launch):
    q, k, v = made(0, 3)
    assert launched(launch, q, k, v).shape == (0, SIZE)


@ways
def test_what_does_not_fit_is_refused(launch):
    q, k, v = made(3, 5)
    with pytest.raises(ValueError, match="at least one key"):
        launch(q, k[:0], v[:0], np.empty_like(q))
    with pytest.raises(ValueError, match=r"v must have the shape \(5, 16\)"):
        launch(q, k, v[:4], np.empty_like(q))
    with pytest.raises(ValueError, match=r"k must have the shape \(5, 16\)"):
        launch(q, k[:, :8].copy(), v, np.empty_like(q))
    with pytest.raises(TypeError, match="q must be float32"):
        launch(q.astype(np.float64), k, v, np.empty_like(q))
    with pytest.raises(ValueError, match="must fit"):
        attention.attention(q, k, v[:2])
