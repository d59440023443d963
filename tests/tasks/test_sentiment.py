"""Reviews: no sentence on both sides, and both classifiers by hand."""

import numpy as np
import pytest
import torch

from gpu_course.data.sentiment import Sentence, load_sentences
from gpu_course.tasks import sentiment

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def reviews():
    return sentiment.load(CPU)


def letters(sentence):
    return [c for c in sentence.text.lower() if c.isalnum()]


def test_no_sentence_is_on_both_sides(reviews):
    train = {"".join(letters(s)) for s in reviews.train_sentences}
    held_out = {"".join(letters(s)) for s in reviews.held_out_sentences}
    assert not train & held_out
    both = len(reviews.train_sentences) + len(reviews.held_out_sentences)
    assert len(train) + len(held_out) == both
    assert 2900 < both < len(load_sentences())
    assert 0.18 < len(held_out) / both < 0.22


def test_the_parts_depend_on_letters_alone():
    assert sentiment.fifth("Great phone!") == sentiment.fifth("great  PHONE")
    parts = [sentiment.fifth(str(i)) for i in range(200)]
    assert set(parts) == set(range(5))


def test_repeats_are_dropped():
    made = [
        Sentence(text, True, "films") for text in ("Great!", "great", "Bad")
    ]
    assert [s.text for s in sentiment.without_repeats(made)] == [
        "Great!",
        "Bad",
    ]


def test_the_pieces_are_those_of_the_training_part(reviews):
    ids, labels = reviews.train.tensors
    found = {
        p for s in reviews.train_sentences for p in sentiment.pieces_of(s.text)
    }
    assert set(reviews.pieces) == found
    assert sorted(reviews.pieces.values()) == list(range(1, len(found) + 1))
    names = {i: p for p, i in reviews.pieces.items()}
    first = reviews.train_sentences[0]
    said = [names[i] for i in ids[0].tolist() if i]
    assert said == sentiment.pieces_of(first.text)
    assert labels[0] == first.positive
    unknown = [
        p
        for p in sentiment.pieces_of(reviews.held_out_sentences[0].text)
        if p in found
    ]
    held = reviews.held_out.tensors[0][0]
    assert [names[i] for i in held.tolist() if i] == unknown


def test_the_network_is_a_linear_layer_of_the_mean():
    torch.manual_seed(0)
    model = sentiment.MeanOfPieces(6, width=4).eval()
    ids = torch.tensor([[3, 5, 5, 0], [2, 0, 0, 0], [0, 0, 0, 0]])
    with torch.no_grad():
        got = model(ids)
        vectors = model.vectors.weight
        means = torch.stack(
            [vectors[[3, 5, 5]].mean(0), vectors[2], torch.zeros(4)]
        )
        torch.testing.assert_close(got, model.logits(means))


def test_dropout_leaves_out_pieces_in_training_only():
    torch.manual_seed(0)
    model = sentiment.MeanOfPieces(6, dropout=0.5)
    ids = torch.tensor([[1, 2, 3, 4]])
    assert not torch.equal(model(ids), model(ids))
    model.eval()
    assert torch.equal(model(ids), model(ids))


def test_the_regression_stands_where_its_gradient_is_zero(reviews):
    decay = 1e-2  # a large one is reached to many digits
    tfidf, weights, bias = sentiment.regression(reviews, decay)
    x = tfidf([s.text for s in reviews.train_sentences]).to_dense().double()
    t = np.array([s.positive for s in reviews.train_sentences])
    p = 1 / (1 + np.exp(-(x.numpy() @ weights.numpy() + bias.item())))
    slope = x.numpy().T @ (p - t) / len(t) + decay * weights.numpy()
    assert np.abs(slope).max() < 1e-4
    assert abs((p - t).mean()) < 1e-4
    assert weights.abs().max() > 0.1


def test_the_regression_beats_guessing_on_held_out_sentences(reviews):
    got = sentiment.counted(reviews)["logistic regression: accuracy"]
    assert 0.77 < got < 0.87
