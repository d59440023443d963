"""Weights by hand, and the nearest text against all cosines."""

import math

import numpy as np
import pytest
import torch

from gpu_course.tasks.tfidf import TfIdf, nearest, runs, word_ngrams, words

TEXTS = ["a b b", "a c", "c d d d", "b a d"]


def test_words():
    assert words("It’s NOT 3 o'clock!") == ["it's", "not", "3", "o'clock", "!"]


def test_runs():
    assert runs("abc", 2) == ["a", "b", "c", "ab", "bc"]
    assert word_ngrams("not too bad", 2) == [
        "not",
        "too",
        "bad",
        "not too",
        "too bad",
    ]


def test_weights_by_hand():
    tfidf = TfIdf(TEXTS, str.split)
    assert tfidf.place == {"a": 0, "b": 1, "c": 2, "d": 3}
    a = 1 + math.log(5 / 4)
    b = (1 + math.log(2)) * (1 + math.log(5 / 3))
    expected = np.array([a, b, 0, 0]) / math.hypot(a, b)
    got = tfidf(["a b b unknown"]).to_dense()
    np.testing.assert_allclose(got, [expected], rtol=1e-6)


def test_each_text_has_length_one_and_an_unknown_one_none():
    lengths = TfIdf(TEXTS, str.split)([*TEXTS, "x y"]).to_dense().norm(dim=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 0], rtol=1e-6)


def test_rare_pieces_are_left_out():
    assert set(TfIdf(["a b", "a c"], str.split, 2).place) == {"a"}


def test_the_nearest_is_that_of_all_cosines():
    random = np.random.default_rng(0)
    made = [" ".join(random.choice(list("abcdefgh"), 5)) for _ in range(60)]
    tfidf = TfIdf(made[:40], str.split)
    kept, asked = tfidf(made[:40]), tfidf(made[40:])
    cosines = asked.to_dense() @ kept.to_dense().T
    best = cosines.max(1).values
    chosen = cosines[torch.arange(20), nearest(asked, kept)]
    np.testing.assert_allclose(chosen, best, rtol=1e-6)


@pytest.mark.parametrize("text", ["x", ""])
def test_a_text_without_a_known_piece(text):
    tfidf = TfIdf(TEXTS, str.split)
    assert nearest(tfidf([text]), tfidf(TEXTS)) == [0]
