"""Log-mel features against NumPy, frame by frame and band by band."""

import numpy as np
import pytest
import torch

from gpu_course.data import log_mel as module
from gpu_course.data.log_mel import (
    BANDS,
    FLOOR,
    FRAME,
    HOP,
    LOWEST_HZ,
    SAMPLES,
    equally_loud,
    hz_to_mel,
    log_mel,
    mel_filters,
    mel_to_hz,
)
from gpu_course.data.spoken_digits import Recordings


def by_natural_logarithm(hz):
    """The same scale as it is written elsewhere: 1127 ln(1 + f / 700)."""
    return 1127.01048 * np.log1p(hz / 700)


def corners():
    mel = np.linspace(
        by_natural_logarithm(LOWEST_HZ), by_natural_logarithm(4000), BANDS + 2
    )
    return 700 * np.expm1(mel / 1127.01048)


def test_the_scale_and_its_inverse():
    hz = np.array([0.0, 60, 440, 1000, 4000])
    assert hz_to_mel(hz) == pytest.approx(by_natural_logarithm(hz), rel=1e-4)
    assert hz_to_mel(1000) == pytest.approx(1000, abs=0.1)
    assert mel_to_hz(hz_to_mel(hz)) == pytest.approx(hz)


def test_each_filter_is_a_triangle():
    at = np.arange(FRAME // 2 + 1) * 8000 / FRAME
    ends = corners()
    filters = mel_filters().numpy()
    assert filters.shape == (BANDS, FRAME // 2 + 1)
    for band, row in enumerate(filters):
        triangle = np.interp(at, ends[band : band + 3], [0, 1, 0])
        assert row == pytest.approx(triangle, abs=1e-5)


def test_bands_without_a_frequency_are_refused():
    with pytest.raises(ValueError, match="200 bands are too many"):
        mel_filters(200)


def test_features_are_those_of_a_plain_loop():
    sounds = np.random.default_rng(0).normal(size=(2, 1000))
    got = log_mel(torch.tensor(sounds, dtype=torch.float32)).numpy()
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    filters = mel_filters().numpy().astype(float)
    starts = range(0, 1000 - FRAME + 1, HOP)
    assert got.shape == (2, BANDS, len(starts))
    for sound, image in zip(sounds, got, strict=True):
        for frame, start in enumerate(starts):
            cut = sound[start : start + FRAME] * window
            power = np.abs(np.fft.rfft(cut)) ** 2
            right = np.log(filters @ power + FLOOR)
            assert image[:, frame] == pytest.approx(right, abs=1e-3)


def test_silence_is_the_floor():
    image = log_mel(torch.zeros(1, SAMPLES))
    assert image.shape == (1, BANDS, 47)
    assert image.numpy() == pytest.approx(np.log(FLOOR))


def test_recordings_become_equally_loud():
    random = np.random.default_rng(1)
    short = (100 + 50 * random.normal(size=500)).astype(np.int16)
    long = (900 * random.normal(size=SAMPLES + 700)).astype(np.int16)
    none = np.zeros(3, np.int64)
    recordings = Recordings((short, 4 * short, long), none, none, none)
    sounds = equally_loud(recordings).numpy()
    assert sounds.shape == (3, SAMPLES)
    assert not sounds[:2, 500:].any()
    assert sounds[0] == pytest.approx(sounds[1], abs=1e-5)
    for sound, length in zip(sounds, (500, 500, SAMPLES), strict=True):
        assert sound[:length].mean() == pytest.approx(0, abs=1e-5)
        assert sound[:length].std() == pytest.approx(1, abs=1e-4)
    right = long[:SAMPLES] - long[:SAMPLES].mean()
    assert sounds[2] == pytest.approx(right / right.std(), abs=1e-4)


def test_the_highest_corner_is_half_of_the_sampling_rate():
    assert corners()[-1] == pytest.approx(module.RATE_HZ / 2)
    assert mel_filters()[-1, -1] == pytest.approx(0, abs=1e-5)
