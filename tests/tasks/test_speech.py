"""The speech tasks: nobody hears a stranger, neighbours are nearest."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from gpu_course.data.log_mel import FRAME, HOP, SAMPLES, log_mel
from gpu_course.data.spoken_digits import load_spoken_digits
from gpu_course.tasks import speech, speech_choice
from gpu_course.tasks.nearest_recording import (
    STRETCHED,
    mean_spectra,
    nearest_recordings,
    stretched_spectrograms,
)

CPU = torch.device("cpu")
COUNT = len(speech.SPEAKERS)


@pytest.fixture(scope="module")
def known():
    return speech.load_known(CPU)


def rows(sounds):
    return {row.tobytes() for row in sounds.numpy()}


def test_the_published_split(known):
    train, test = known.train.tensors, known.test.tensors
    assert [len(t) for t in train] == [1200] * 3
    assert [len(t) for t in test] == [300] * 3
    assert not rows(train[0]) & rows(test[0])
    for part, count in ((train, 20), (test, 5)):
        pairs = torch.stack(part[1:]).unique(dim=1, return_counts=True)[1]
        assert pairs.tolist() == [count] * 60


def test_speakers_are_numbered_as_they_are_named():
    part = speech.spoken_takes([3], CPU)
    recordings = load_spoken_digits()
    recordings = recordings.where(recordings.takes == 3)
    named = [speech.SPEAKERS[int(k)] for k in part.tensors[2]]
    assert named == list(recordings.speakers)
    assert part.tensors[1].tolist() == list(recordings.digits)


def gradients(model, batch):
    model.zero_grad()
    loss = speech.loss_leaving_out([()] * len(model))
    torch.manual_seed(1)  # of the dropout
    loss(model, *batch).backward()
    return [
        torch.cat([p.grad.flatten() for p in network.parameters()])
        for network in model
    ]


@pytest.mark.parametrize(
    "left_out", [[(k,) for k in range(COUNT)], speech_choice.PAIRS]
)
def test_no_network_hears_its_stranger(left_out):
    torch.manual_seed(0)
    model = speech.LeavingOut(left_out)
    sounds = torch.randn(36, SAMPLES)
    digits, speakers = torch.arange(36) % 10, torch.arange(36) % COUNT
    before = gradients(model, (sounds, digits, speakers))
    for stranger in range(COUNT):
        other, renamed = sounds.clone(), digits.clone()
        other[speakers == stranger] = torch.randn(6, SAMPLES)
        renamed[speakers == stranger] = 9 - digits[speakers == stranger]
        after = gradients(model, (other, renamed, speakers))
        same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        assert same == [stranger in strangers for strangers in left_out]


def test_a_batch_of_strangers_only_trains_the_others():
    model = speech.LeavingOut([(k,) for k in range(COUNT)])
    loss = speech.loss_leaving_out([()] * COUNT)
    batch = torch.randn(4, SAMPLES), torch.arange(4), torch.zeros(4)
    loss(model, *batch).backward()
    trained = [net.linear.weight.grad is not None for net in model]
    assert trained == [False] + [True] * (COUNT - 1)


class Says(torch.nn.Module):
    """Always says one digit."""

    def __init__(self, digit):
        super().__init__()
        self.digit = digit

    def forward(self, features):
        return torch.eye(10)[self.digit].expand(len(features), 10)


def test_each_network_is_judged_on_its_own_stranger():
    digits = torch.tensor([0, 0, 1, 1, 2, 9, 3, 3, 4, 4, 5, 8])
    speakers = torch.arange(12) // 2
    part = TensorDataset(torch.randn(12, SAMPLES), digits, speakers)
    model = torch.nn.ModuleList(Says(k) for k in range(COUNT))
    got = speech.judge_strangers(model, speech.Speech(part, part))
    assert got["accuracy, george"] == got["accuracy, theo"] == 1
    assert got["accuracy, lucas"] == got["accuracy, yweweler"] == 0.5
    assert got["accuracy"] == pytest.approx(5 / 6)


def test_the_mean_spectrum_is_that_of_the_recording_alone():
    sounds = torch.zeros(1, SAMPLES)
    sounds[0, :1000] = torch.randn(1000)
    frames = 1 + (1000 - FRAME) // HOP
    alone = log_mel(sounds[:, :1000])[0].mean(1)
    assert log_mel(sounds[:, :1000]).shape[2] == frames
    alone = alone - alone.mean()
    assert torch.allclose(mean_spectra(sounds)[0], alone / alone.norm())


def test_a_stretched_spectrogram_forgets_the_padding():
    sounds = torch.zeros(1, SAMPLES)
    sounds[0, :3000] = torch.randn(3000)
    features = log_mel(sounds[:, :3000])[0].numpy()
    at = np.linspace(0, features.shape[1] - 1, STRETCHED)
    own = np.arange(features.shape[1])
    right = np.array([np.interp(at, own, band) for band in features])
    right -= right.mean(1, keepdims=True)
    right = right.flatten() / np.linalg.norm(right)
    got = stretched_spectrograms(sounds)[0].numpy()
    assert got == pytest.approx(right, abs=1e-5)


def test_the_nearest_is_nearest_among_the_allowed(known):
    train, test = known.train.tensors[0][::40], known.test.tensors[0][::30]
    forbidden = torch.zeros(len(test), len(train), dtype=torch.bool)
    forbidden[:, ::2] = True
    for describe, name in (
        (mean_spectra, "nearest mean spectrum"),
        (stretched_spectrograms, "nearest stretched spectrogram"),
    ):
        apart = torch.cdist(describe(test), describe(train))
        nearest = nearest_recordings(train, test)[name]
        assert torch.equal(nearest, apart.argmin(1))
        allowed = nearest_recordings(train, test, forbidden)[name]
        assert torch.equal(allowed, apart[:, 1::2].argmin(1) * 2 + 1)


def test_the_neighbour_of_a_stranger_is_somebody_else():
    data = speech.load_strangers(CPU)
    chosen = torch.arange(0, 1500, 10)
    part = TensorDataset(*(t[chosen] for t in data.test.tensors))
    sounds, digits, speakers = part.tensors
    got = speech.baseline_strangers(speech.Speech(part, part))
    like = mean_spectra(sounds) @ mean_spectra(sounds).T
    right = 0
    for row in range(len(sounds)):
        others = [k for k in chosen.argsort() if speakers[k] != speakers[row]]
        right += digits[max(others, key=lambda k: like[row, k])] == digits[row]
    share = float(right) / len(sounds)
    assert got["nearest mean spectrum: accuracy"] == pytest.approx(share)


def test_the_changes_are_those_that_were_chosen():
    assert speech_choice.best() == speech.CHANGES
    for name in speech.SPEAKERS:
        assert speech_choice.best(name) == speech.CHANGES_FOR[name]


def test_every_candidate_was_measured_for_every_stranger():
    stored = speech_choice.stored()
    titles = [speech_choice.title(c) for c in speech_choice.CANDIDATES]
    assert list(stored["known"]) == list(stored["other"]) == titles
    for shares in stored["other"].values():
        assert list(shares) == list(speech.SPEAKERS)
        assert all(len(pair) == 2 for pair in shares.values())


def test_the_best_candidate_wins(monkeypatch):
    titles = [speech_choice.title(c) for c in speech_choice.CANDIDATES]
    low = {title: [0.5, 0.5] for title in titles}
    measured = {
        "known": {**low, "noise": [0.4, 0.7]},
        "other": {
            title: {"theo": [0.9, 0.1] if title == "masks" else [0.4, 0.6]}
            for title in titles
        },
    }
    measured["other"]["speed"]["theo"] = [0.4, 0.7]
    monkeypatch.setattr(speech_choice, "stored", lambda: measured)
    assert speech_choice.best() == ("noise",)
    assert speech_choice.best("theo") == ("speed",)
