"""Changes of a sound: each does what it says, and nothing else."""

import numpy as np
import pytest
import torch

from gpu_course.data.log_mel import SAMPLES, log_mel
from gpu_course.training import sound_changes
from gpu_course.training.sound_changes import (
    NAMES,
    NOISE,
    WIDEST_BANDS,
    WIDEST_FRAMES,
    changed_features,
    masks,
    noise,
    shift,
    speed,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def some_sounds(count=40, length=800):
    sounds = torch.zeros(count, SAMPLES)
    sounds[:, :length] = torch.randn(count, length)
    return sounds


def test_a_shift_moves_the_sound_and_keeps_it():
    sounds = some_sounds()
    starts = set()
    for before, after in zip(sounds, shift(sounds), strict=True):
        place = after.nonzero().flatten()
        starts.add(int(place[0]))
        kept = after[place[0] : place[0] + 800]
        assert torch.equal(kept, before[:800])
        assert after.count_nonzero() == before.count_nonzero()
    assert len(starts) > 30
    assert min(starts) < 1000
    assert max(starts) > SAMPLES - 800 - 1000
    assert max(starts) <= SAMPLES - 800


def test_a_sound_without_room_stays():
    sounds = torch.randn(3, SAMPLES)
    assert torch.equal(shift(sounds), sounds)


def test_speed_moves_the_pitch_within_its_limits():
    turns = 400
    wave = np.sin(2 * np.pi * turns * np.arange(SAMPLES) / SAMPLES)
    sounds = torch.tensor(wave, dtype=torch.float32).repeat(30, 1)
    heard = speed(sounds)[:, : SAMPLES * 10 // 11]
    spectrum = torch.fft.rfft(heard, n=SAMPLES).abs()
    factors = spectrum.argmax(1) / turns
    assert factors.min() >= 1 / 1.1 - 0.01
    assert factors.max() <= 1.1 + 0.01
    assert factors.min() < 0.95
    assert factors.max() > 1.05


def test_speed_interpolates(monkeypatch):
    monkeypatch.setattr(sound_changes, "FASTEST", 1.0)
    sounds = torch.randn(2, SAMPLES)
    assert torch.equal(speed(sounds)[:, :-1], sounds[:, :-1])
    monkeypatch.setattr(sound_changes, "FASTEST", 2.0)
    monkeypatch.setattr(
        sound_changes, "_uniform", lambda like, *_: torch.ones(len(like), 1)
    )
    faster = speed(sounds)
    assert torch.allclose(faster[:, : SAMPLES // 2 - 1], sounds[:, :-2:2])
    assert not faster[:, SAMPLES // 2 :].any()


def test_noise_is_as_loud_as_it_says():
    sounds = torch.zeros(200, SAMPLES)
    levels = noise(sounds).square().mean(1).sqrt()
    assert levels.min() >= NOISE[0] * 0.95
    assert levels.max() <= NOISE[1] * 1.05
    middle = float(levels.log().mean())
    assert middle == pytest.approx(np.mean(np.log(NOISE)), abs=0.4)


def test_masks_blank_neighbours_and_leave_the_rest():
    features = torch.randn(300, 32, 47)
    seen = {1: set(), 2: set()}
    for before, after in zip(features, masks(features), strict=True):
        hit = before != after
        assert torch.allclose(after[hit], before.mean().expand(hit.sum()))
        for axis, widest in ((1, WIDEST_BANDS), (2, WIDEST_FRAMES)):
            whole = hit.all(dim=2 - axis)
            place = whole.nonzero().flatten()
            seen[axis].add(len(place))
            assert len(place) <= widest
            if len(place):
                assert place[-1] - place[0] == len(place) - 1
        outside = ~hit.all(1)[:, None] & ~hit.all(0)[None]
        assert not hit[outside].any()
    assert seen[1] == set(range(WIDEST_BANDS + 1))
    assert seen[2] == set(range(WIDEST_FRAMES + 1))


def test_without_changes_they_are_the_features():
    sounds = some_sounds(4)
    assert torch.equal(changed_features(sounds, ()), log_mel(sounds))


@pytest.mark.parametrize("name", NAMES)
def test_each_change_changes_and_the_seed_decides(name):
    sounds = some_sounds(6)
    torch.manual_seed(1)
    first = changed_features(sounds, (name,))
    torch.manual_seed(1)
    assert torch.equal(changed_features(sounds, (name,)), first)
    assert first.shape == (6, 32, 47)
    assert not torch.equal(first, log_mel(sounds))
    assert torch.isfinite(first).all()


def test_an_unknown_change_is_refused():
    with pytest.raises(ValueError, match="no change 'echo'"):
        changed_features(some_sounds(1), ("shift", "echo"))
