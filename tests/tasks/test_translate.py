"""Translation: the split, the padding, decoding, and the nearest sentence."""

import pytest
import torch

from gpu_course.data.english_chinese import load_pairs
from gpu_course.tasks import translate
from gpu_course.tasks.tfidf import words
from gpu_course.tasks.translate import END, NOTHING, START, UNKNOWN


@pytest.fixture(scope="module")
def data():
    return translate.load(torch.device("cpu"))


@pytest.fixture(scope="module")
def model(data):
    torch.manual_seed(0)
    return translate.TASKS["translate"].build(data).eval()


def spoken(english):
    return tuple(w for w in words(english) if w[0].isalnum())


def test_no_english_sentence_is_in_two_parts(data):
    parts = data.sentences, data.validation, data.held_out
    said = [{spoken(e) for e in part.english} for part in parts]
    assert not said[0] & said[1]
    assert not said[0] & said[2]
    assert not said[1] & said[2]
    assert 900 < len(data.held_out.english) < 1100


def test_every_translation_is_a_reference(data):
    right = {}
    for pair in load_pairs():
        right.setdefault(pair.english, []).append(pair.chinese)
    for english, chinese in zip(
        data.held_out.english, data.held_out.chinese, strict=True
    ):
        short = [c for c in right[english] if len(c) <= translate.CHINESE]
        assert list(chinese) == short
    assert max(map(len, data.held_out.chinese)) > 3


def test_a_pair_as_numbers(data):
    english, chinese = data.train.tensors
    assert english.shape[0] == sum(map(len, data.sentences.chinese))
    assert chinese.shape[1] == translate.CHINESE + 2
    names = {n: c for c, n in data.characters.items()}
    row = chinese[0].tolist()
    end = row.index(END)
    assert row[0] == START
    assert set(row[end + 1 :]) <= {NOTHING}
    said = "".join(names[n] for n in row[1:end])
    assert said == data.sentences.chinese[0][0]
    first = [data.words[w] for w in words(data.sentences.english[0])]
    assert english[0].tolist()[: len(first)] == first
    assert min(data.words.values()) == min(names) == UNKNOWN + 1


def test_rare_words_are_unknown(data):
    got = translate.english_numbers(
        ["qwertz is here"], data.words, torch.device("cpu")
    )
    assert got[0].tolist() == [UNKNOWN, data.words["is"], data.words["here"]]


def test_the_decoder_sees_no_later_character(model, data):
    english, chinese = (t[:3] for t in data.train.tensors)
    other = chinese.clone()
    other[:, 3] = UNKNOWN + 9
    with torch.no_grad():
        change = (model(english, chinese) - model(english, other)).abs()
    assert change[:, :3].max() == 0
    assert change[:, 3].max() > 1e-6


def test_the_decoder_sees_the_english_sentence(model, data):
    english, chinese = (t[:3] for t in data.train.tensors)
    with torch.no_grad():
        change = model(english, chinese) - model(english.flip(0), chinese)
    assert change.abs().amax((1, 2))[[0, 2]].min() > 1e-6


def test_padding_of_the_english_sentence_changes_nothing(model, data):
    english, chinese = (t[:2] for t in data.train.tensors)
    longest = int((english != NOTHING).sum(1).max())
    with torch.no_grad():
        padded = model(english, chinese)
        short = model(english[:, :longest], chinese)
    assert longest < english.shape[1]
    torch.testing.assert_close(padded, short, rtol=0, atol=1e-5)


def test_padding_is_not_in_the_loss(model, data):
    english, chinese = (t[:4] for t in data.train.tensors)
    with torch.no_grad():
        short = translate.loss(model, english, chinese)
        wider = torch.nn.functional.pad(chinese, (0, 3))
        long = translate.loss(model, english, wider)
    torch.testing.assert_close(short, long)


def test_decoding_takes_the_likeliest_without_a_cache_too(model, data):
    said = translate.translate(model, data.held_out.english[:4], data)
    names = {n: c for c, n in data.characters.items()}
    english = translate.english_numbers(
        data.held_out.english[:4], data.words, torch.device("cpu")
    )
    for row, got in zip(english, said, strict=True):
        text = [START]
        while len(text) <= translate.CHINESE:
            with torch.no_grad():
                logits = model(row[None], torch.tensor([text]))[0, -1]
            logits[[NOTHING, START, UNKNOWN]] = -torch.inf
            text.append(logits.argmax().item())
            if text[-1] == END:
                break
        expected = [names[n] for n in text[1:] if n != END]
        assert got == "".join(expected)


def test_the_nearest_sentence_is_itself_where_it_is_known(data):
    english, chinese = data.sentences.english, data.sentences.chinese
    among = translate.Sentences(english[3000:3300], chinese[3000:3300])
    some = among.english[50:60]
    found = translate.nearest_sentences(some, among)
    assert [among.english[i] for i in found] == list(some)
