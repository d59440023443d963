"""The transformer: attention by NumPy, causality, and the cache."""

import numpy as np
import pytest
import torch

from gpu_course.tasks.transformer import (
    Attention,
    Cache,
    CharacterModel,
    Shape,
    Stack,
    rotate,
)

SHAPE = Shape(width=24, heads=3, layers=2, reach=3)
KINDS = 11


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CharacterModel(KINDS, SHAPE).eval()


@pytest.fixture(scope="module")
def text():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(KINDS, (2, 17), generator=generator)


def turned(x):
    """Turn (T, size), with complex numbers."""
    half = x.shape[1] // 2
    speed = 10_000.0 ** (-np.arange(half) / half)
    z = x[:, :half] + 1j * x[:, half:]
    z = z * np.exp(1j * np.arange(len(x))[:, None] * speed)
    return np.concatenate([z.real, z.imag], 1)


def test_a_rotation_is_a_product_of_complex_numbers():
    x = np.random.default_rng(0).normal(size=(9, 8))
    np.testing.assert_allclose(rotate(torch.tensor(x)), turned(x), atol=1e-6)


def test_turned_products_depend_on_the_distance_alone():
    q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0))
    products = [
        (rotate(q, start + 3) * rotate(k, start)).sum().item()
        for start in (0, 5, 40)
    ]
    assert products == pytest.approx([products[0]] * 3, abs=1e-5)
    other = (rotate(q, 4) * rotate(k, 0)).sum().item()
    assert abs(other - products[0]) > 1e-3


@pytest.mark.parametrize("causal", [True, False])
def test_attention_by_numpy(causal):
    torch.manual_seed(0)
    attention, x = Attention(12, 3), torch.randn(1, 5, 12)
    got = attention(x, x, causal=causal).detach()[0]
    numbers = {n: p.detach().numpy() for n, p in attention.named_parameters()}
    rows = x[0].numpy()
    query = rows @ numbers["query.weight"].T
    key, value = np.split(rows @ numbers["key_value.weight"].T, 2, axis=1)
    taken = []
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        scores = turned(query[:, part]) @ turned(key[:, part]).T / 2
        if causal:
            scores[np.triu_indices(5, 1)] = -np.inf
        shares = np.exp(scores)
        shares /= shares.sum(1, keepdims=True)
        taken.append(shares @ value[:, part])
    expected = np.concatenate(taken, 1) @ numbers["out.weight"].T
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_no_position_sees_what_comes_after_it(model, text):
    other = text.clone()
    other[:, 9] = (other[:, 9] + 1) % KINDS
    with torch.no_grad():
        change = (model(text) - model(other)).abs().amax((0, 2))
    assert change[:9].max() == 0
    assert change[9:].min() > 1e-6


def test_reach_says_which_characters_enter_a_position(text):
    stack = Stack(KINDS, SHAPE)
    with torch.no_grad():
        got = stack.embed(text, None)
    tables = [table.weight.detach() for table in stack.tables]
    nothing = torch.full((2, 2), KINDS)
    padded = torch.cat([nothing, text], 1)
    for i in range(text.shape[1]):
        expected = sum(tables[b][padded[:, i + 2 - b]] for b in range(3))
        torch.testing.assert_close(got[:, i], expected)


@pytest.mark.parametrize("first", [1, 2, 6, 17])
def test_the_cache_gives_the_same_logits(model, text, first):
    cache = Cache(SHAPE, 2, 17)
    with torch.no_grad():
        parts = [model(text[:, :first], cache)]
        parts += [model(text[:, i : i + 1], cache) for i in range(first, 17)]
        expected = model(text)
    torch.testing.assert_close(
        torch.cat(parts, 1), expected, rtol=0, atol=1e-5
    )
    assert cache.length == 17


def test_the_bytes_of_a_cache():
    cache = Cache(Shape(96, 4, 3), 5, 64)
    assert cache.keys.shape == (3, 5, 4, 64, 24)
    assert cache.nbytes == 2 * 3 * 5 * 4 * 64 * 24 * 4


def test_a_cache_that_is_full(model, text):
    cache = Cache(SHAPE, 2, 16)
    with pytest.raises(ValueError, match="room for 16 characters, got 17"):
        model(text, cache)


def test_a_second_long_part_is_refused(model, text):
    cache = Cache(SHAPE, 2, 17)
    with torch.no_grad():
        model(text[:, :4], cache)
        with pytest.raises(ValueError, match="one character at a time, got 2"):
            model(text[:, 4:6], cache)


def test_padding_changes_nothing(text):
    torch.manual_seed(0)
    stack = Stack(KINDS, Shape(24, 3, 2)).eval()
    mask = torch.ones(2, 1, 1, 17, dtype=torch.bool)
    mask[..., 12:] = False
    with torch.no_grad():
        padded = stack(text, causal=False, mask=mask)[:, :12]
        short = stack(text[:, :12], causal=False)
    torch.testing.assert_close(padded, short, rtol=0, atol=1e-5)


def test_dropout_is_off_when_judged(text):
    model = CharacterModel(KINDS, SHAPE, dropout=0.5)
    assert not torch.equal(model(text), model(text))
    model.eval()
    assert torch.equal(model(text), model(text))
