"""Log-mel features: what a recording becomes before a network sees it.

    frames → window → Fourier transform → power → mel bands → logarithm

The mel scale is that of O'Shaughnessy, *Speech Communication* (1987):
2595 · log10(1 + f / 700).
"""

import numpy as np
import torch

from gpu_course.data.spoken_digits import RATE_HZ, Recordings

SAMPLES = 6144  # 0.768 s: longer recordings are cut, shorter ones padded
FRAME = 256  # samples: 32 ms
HOP = 128  # samples from the start of a frame to that of the next: 16 ms
BANDS = 32
LOWEST_HZ = 60.0  # below are hum and little speech
FLOOR = 1e-3  # added to a band's power, so that silence has a logarithm


def hz_to_mel(hz: np.ndarray) -> np.ndarray:
    """Return the mel of frequencies in Hz, of the same shape."""
    return 2595 * np.log10(1 + np.asarray(hz) / 700)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Return the frequencies in Hz of numbers of mel, of the same shape."""
    return 700 * (10 ** (np.asarray(mel) / 2595) - 1)


def mel_filters(bands: int = BANDS, frame: int = FRAME) -> torch.Tensor:
    """Return the triangles that add up frequencies to bands.

    The corners lie at equal distances on the mel scale, from `LOWEST_HZ` to
    half of the sampling rate. Each triangle rises from 0 at one corner to 1
    at the next, and falls to 0 at the one after.

    Returns
    -------
    float32 tensor (bands, frame // 2 + 1)

    Raises
    ------
    ValueError
        If a band is so narrow that it holds no frequency.
    """
    ends = hz_to_mel(np.array([LOWEST_HZ, RATE_HZ / 2]))
    corners = mel_to_hz(np.linspace(ends[0], ends[1], bands + 2))[:, None]
    hz = np.arange(frame // 2 + 1) * RATE_HZ / frame
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising = (hz - low) / (middle - low)
    falling = (high - hz) / (high - middle)
    filters = np.maximum(0, np.minimum(rising, falling))
    if not filters.any(axis=1).all():
        raise ValueError(
            f"{bands} bands are too many for frames of {frame} samples: a "
            "band holds no frequency; take fewer bands or longer frames"
        )
    return torch.tensor(filters, dtype=torch.float32)


def equally_loud(recordings: Recordings) -> torch.Tensor:
    """Return the recordings as one array, all equally loud.

    From each its mean is taken, then it is divided by its root mean square,
    and cut or padded with zeros to `SAMPLES`. No recording looks at another.

    Returns
    -------
    float32 tensor (recordings, SAMPLES)
    """
    sounds = torch.zeros(len(recordings), SAMPLES)
    for row, samples in zip(sounds, recordings.sounds, strict=True):
        sound = torch.from_numpy(samples[:SAMPLES].astype(np.float32))
        sound -= sound.mean()
        row[: len(sound)] = sound / sound.square().mean().sqrt()
    return sounds


def log_mel(sounds: torch.Tensor) -> torch.Tensor:
    """Return the log-mel features of sounds, on their device.

    Parameters
    ----------
    sounds : float32 tensor (N, samples)

    Returns
    -------
    float32 tensor (N, BANDS, frames)
        Natural logarithms of the bands' power. There are
        1 + (samples - FRAME) // HOP frames.
    """
    window = torch.hann_window(FRAME, device=sounds.device)
    frames = sounds.unfold(-1, FRAME, HOP) * window
    power = torch.view_as_real(torch.fft.rfft(frames)).square().sum(-1)
    bands = power @ mel_filters().T.to(sounds.device)
    return torch.log(bands + FLOOR).transpose(1, 2)
