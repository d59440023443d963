"""The plays: three parts, bits counted rightly, and how text is written."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gpu_course.data.shakespeare import load_shakespeare
from gpu_course.tasks import shakespeare
from gpu_course.tasks.ngrams import NGrams
from gpu_course.tasks.shakespeare import CONTEXT
from gpu_course.tasks.transformer import CharacterModel, Shape


@pytest.fixture(scope="module")
def plays():
    return shakespeare.load(torch.device("cpu"))


class Always(torch.nn.Module):
    """Gives every position the same logits."""

    def __init__(self, logits):
        super().__init__()
        self.values = torch.tensor(logits)

    def forward(self, text):
        return self.values.expand(*text.shape, len(self.values))


def test_the_parts_are_the_text_in_order(plays):
    parts = plays.text, plays.validation, plays.held_out
    assert "".join(map(plays.written, parts)) == load_shakespeare()
    assert [round(len(p) / 1_115_394, 2) for p in parts] == [0.9, 0.05, 0.05]
    assert torch.equal(plays.numbers("ROMEO"), plays.numbers("ROMEO:")[:5])


def test_the_windows_are_a_view_of_the_training_text(plays):
    (windows,) = plays.train.tensors
    assert windows.shape[1] == CONTEXT + 1
    assert windows.data_ptr() == plays.text.data_ptr()
    for i in (0, 1, len(windows) - 1):
        start = i * CONTEXT // 2
        expected = plays.text[start : start + CONTEXT + 1]
        assert torch.equal(windows[i], expected)


def test_surprises_by_hand():
    model = Always([math.log(0.5), math.log(0.25), math.log(0.25)])
    got = shakespeare.surprises(model, torch.tensor([[2, 0, 1, 0]]))
    torch.testing.assert_close(got, torch.tensor([[1.0, 2.0, 1.0]]))


def test_bits_per_character_of_one_that_knows_nothing(plays):
    bits = shakespeare.bits_per_character(
        Always([0.0] * 65), plays.held_out[:500]
    )
    assert bits == pytest.approx(math.log2(65))


def test_network_and_ngrams_are_judged_on_the_same_characters(plays):
    # 1-grams need no context, so a network that says the same pays the same.
    counted = NGrams(plays.text.numpy(), 1, 65)
    p = counted.next_characters(np.zeros(1, int))
    text = plays.held_out[:3001]
    expected = shakespeare.bits_per_character(Always(np.log(p).tolist()), text)
    assert shakespeare.ngram_bits(counted, text) == pytest.approx(expected)


def test_windows_that_end_at_the_same_characters(plays):
    text = plays.held_out[:500]
    whole = shakespeare.some_windows(text, CONTEXT)
    for known in shakespeare.KNOWN:
        got = shakespeare.some_windows(text, known)
        assert torch.equal(got, whole[:, -known - 1 :])
    assert torch.equal(whole, shakespeare.windows(text))


def test_the_measures_by_known_characters(plays):
    class Known(torch.nn.Module):
        """Pays n / 8 bits for its guess with n characters known."""

        def forward(self, text):
            known = torch.arange(1, text.shape[1] + 1)
            p = 2.0 ** (-known / 8)
            logits = torch.stack([p, 1 - p], -1).log()
            return logits.expand(len(text), -1, -1)

    zeros = torch.zeros(2000, dtype=torch.int64)
    data = replace(plays, held_out=zeros)
    measures = shakespeare.judge(Known(), data)
    for known in shakespeare.KNOWN:
        assert measures[f"bits, {known} known"] == pytest.approx(known / 8)
    mean = (CONTEXT * 3 / 4 + 0.5) / 8  # of the second half of a window
    assert measures["bits per character"] == pytest.approx(mean)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CharacterModel(65, Shape(16, 2, 2, 3)).eval()


def test_writing_is_drawing_from_the_next_characters(model, plays):
    start = plays.numbers("First")
    got = shakespeare.write(model, start, 20, seed=3)
    text, generator = start, torch.Generator().manual_seed(3)
    for _ in range(20):  # without a cache
        with torch.no_grad():
            p = model(text[None])[0, -1].softmax(-1)
        drawn = torch.multinomial(p, 1, generator=generator)
        text = torch.cat([text, drawn])
    assert torch.equal(got, text[5:])


def test_writing_goes_on_beyond_the_context(model, plays):
    start = plays.numbers("To be")
    long = shakespeare.write(model, start, 3 * CONTEXT, seed=1)
    assert len(long) == 3 * CONTEXT
    again = shakespeare.write(model, start, 3 * CONTEXT, seed=1)
    assert torch.equal(long, again)
    other = shakespeare.write(model, start, 3 * CONTEXT, seed=2)
    assert not torch.equal(long, other)


def test_a_low_temperature_takes_the_likeliest(model, plays):
    start = plays.numbers("To be")
    got = shakespeare.write(model, start, 1, temperature=1e-4)
    with torch.no_grad():
        assert got.item() == model(start[None])[0, -1].argmax().item()


def test_the_stored_figures_of_the_ngrams(plays):
    counted = shakespeare.counted(plays)
    assert counted["5-gram: bits per character"] == pytest.approx(
        2.3368250573488316, abs=1e-6
    )
    assert counted["7-gram: bits per character"] < 2.29
