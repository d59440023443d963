"""The data sets against what their sources say of them."""

from collections import Counter

import numpy as np
import pytest

from gpu_course.data.english_chinese import load_pairs
from gpu_course.data.sentiment import load_sentences
from gpu_course.data.shakespeare import load_shakespeare
from gpu_course.data.spoken_digits import TEST_TAKES, load_spoken_digits
from gpu_course.data.web_visits import load_visits


def test_each_speaker_says_each_digit_25_times():
    recordings = load_spoken_digits()
    assert len(recordings) == 1500
    said = Counter(zip(recordings.speakers, recordings.digits, strict=True))
    assert set(said.values()) == {25}
    assert len(said) == 60
    assert set(recordings.takes) == set(range(25))
    assert sum(map(len, recordings.sounds)) == 5_248_978
    assert {sound.dtype for sound in recordings.sounds} == {np.dtype("i2")}


def test_some_of_the_recordings():
    recordings = load_spoken_digits()
    test = recordings.where(recordings.takes < TEST_TAKES)
    assert len(test) == 300
    assert test.takes.max() == 4
    place = np.flatnonzero(recordings.takes < TEST_TAKES)[200]
    assert np.array_equal(test.sounds[200], recordings.sounds[place])
    assert test.speakers[200] == recordings.speakers[place]


def test_half_of_the_sentences_of_each_kind_are_positive():
    sentences = load_sentences()
    kinds = Counter((s.about, s.positive) for s in sentences)
    assert set(kinds.values()) == {500}
    assert len(kinds) == 6
    good = next(s for s in sentences if s.text == "Great for the jawbone.")
    assert good.positive
    assert good.about == "products"
    assert all("\t" not in s.text and s.text for s in sentences)


def test_the_plays_begin_and_end_as_they_do():
    text = load_shakespeare()
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed")
    assert text.endswith("Whiles thou art waking.\n")


def test_every_pair_names_its_authors():
    pairs = load_pairs()
    assert len(pairs) == 29_155
    assert pairs[0].english == "Hi."
    assert pairs[0].chinese == "嗨。"
    for pair in pairs:
        assert pair.attribution.startswith("CC-BY 2.0 (France) Attribution: ")
        assert pair.attribution.count("#") == 2


def test_the_visits_are_those_that_the_source_counts():
    train, test = load_visits("train"), load_visits("test")
    assert train.visited.shape == (32_711, 285)
    assert test.visited.shape == (5_000, 285)
    assert len(train.titles) == 285
    assert train.titles == test.titles
    assert train.visited.any(axis=0).all()
    # Person 10001, the first in the file: areas 1000, 1001 and 1002.
    first = [train.titles[a] for a in np.flatnonzero(train.visited[0])]
    assert first == ["regwiz", "Support Desktop", "End User Produced View"]


def test_an_unknown_split_of_the_visits():
    with pytest.raises(ValueError, match="'train' or 'test', got 'all'"):
        load_visits("all")
