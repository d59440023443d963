"""N-grams against dictionaries counted one by one, and sums of 1."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gpu_course.tasks.ngrams import NGrams, _discounts

KINDS = 4


@pytest.fixture(scope="module")
def text():
    random = np.random.default_rng(0)
    steps = random.choice(KINDS, 600, p=[0.6, 0.25, 0.1, 0.05])
    return steps.cumsum() % KINDS


def by_dictionaries(text, order, kinds):
    """Return p(context, character), by Chen and Goodman's formulas."""
    text = tuple(text.tolist())

    def grams(n):
        return [text[i : i + n] for i in range(len(text) - n + 1)]

    counts = {order: Counter(grams(order))}
    for n in range(1, order):
        counts[n] = Counter(gram[1:] for gram in set(grams(n + 1)))

    def probability(context, character):
        if not context:
            lower = 1 / kinds
        else:
            lower = probability(context[1:], character)
        count = counts[len(context) + 1]
        follow = {c: count[(*context, c)] for c in range(kinds)}
        total = sum(follow.values())
        if not total:
            return lower
        times = Counter(count.values())
        n = [times[k] for k in range(5)]
        taken = defaultdict(lambda: 0.5)
        if all(n[1:]):
            y = n[1] / (n[1] + 2 * n[2])
            for k in (1, 2, 3):
                d = k - (k + 1) * y * n[k + 1] / n[k]
                taken[k] = min(max(d, 0.1), k - 0.1)
        discount = {c: taken[min(f, 3)] if f else 0 for c, f in follow.items()}
        spread = sum(discount.values()) / total
        own = (follow[character] - discount[character]) / total
        return own + spread * lower

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_as_counted_one_by_one(text, order):
    model = NGrams(text, order, KINDS)
    probability = by_dictionaries(text, order, KINDS)
    other = np.random.default_rng(1).integers(0, KINDS, 80)
    start = order - 1
    got = model.probabilities(other, start)
    expected = [
        probability(tuple(other[i - order + 1 : i].tolist()), int(other[i]))
        for i in range(start, len(other))
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 5])
def test_the_probabilities_add_up_to_one(text, order):
    model = NGrams(text, order, KINDS)
    random = np.random.default_rng(2)
    for _ in range(20):
        p = model.next_characters(random.integers(0, KINDS, 9))
        assert p.shape == (KINDS,)
        assert p.min() > 0
        assert p.sum() == pytest.approx(1, abs=1e-12)


def test_no_kind_is_impossible():
    model = NGrams(np.zeros(50, int), 3, 10)  # 1 to 9 never occur
    p = model.next_characters(np.array([0, 0]))
    assert p.min() > 0
    assert p.argmax() == 0
    assert p.sum() == pytest.approx(1)


def test_rows_are_texts_of_their_own(text):
    model = NGrams(text, 3, KINDS)
    rows = text[:40].reshape(4, 10)
    alone = [model.probabilities(row, 5) for row in rows]
    np.testing.assert_array_equal(model.probabilities(rows, 5), alone)


def test_a_better_context_helps(text):
    bits = [
        -np.log2(NGrams(text[:500], n, KINDS).probabilities(text[500:], 2))
        for n in (1, 2)
    ]
    assert bits[1].mean() < bits[0].mean() - 0.2


def test_few_rare_grams_give_the_plain_discount():
    np.testing.assert_array_equal(
        _discounts(np.array([7, 8])), [0, 0.5, 0.5, 0.5]
    )


@pytest.mark.parametrize(("order", "kinds"), [(0, 4), (12, 65)])
def test_orders_that_do_not_fit(order, kinds):
    with pytest.raises(ValueError, match="order must be at least 1"):
        NGrams(np.zeros(20, int), order, kinds)


def test_a_start_without_context(text):
    with pytest.raises(ValueError, match="start must be at least 2"):
        NGrams(text, 3, KINDS).probabilities(text, 1)
