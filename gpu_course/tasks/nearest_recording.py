"""What the speech networks have to beat: the nearest recording's digit.

Nothing is trained. Two distances between recordings are tried: between their
mean spectra, and between their spectrograms stretched to one length, which
keep the order of the sounds.
"""

import torch
from torch.nn import functional

from gpu_course.data.log_mel import FRAME, HOP, log_mel

STRETCHED = 16  # frames


def mean_spectra(sounds: torch.Tensor) -> torch.Tensor:
    """Return each recording's log-mel, its mean over the recording's frames.

    Returns
    -------
    float32 tensor (N, BANDS)
        Of norm 1, with the mean over the bands taken off.
    """
    return _normed(torch.stack([f.mean(1) for f in _unpadded(sounds)]))


def stretched_spectrograms(sounds: torch.Tensor) -> torch.Tensor:
    """Return the log-mel features, stretched in time to `STRETCHED` frames.

    Returns
    -------
    float32 tensor (N, BANDS * STRETCHED)
        Of norm 1; from each band its mean over the frames is taken off.
    """
    stretched = torch.cat(
        [
            functional.interpolate(
                f[None], STRETCHED, mode="linear", align_corners=True
            )
            for f in _unpadded(sounds)
        ]
    )
    return _normed((stretched - stretched.mean(2, keepdim=True)).flatten(1))


def nearest_recordings(
    train: torch.Tensor,
    test: torch.Tensor,
    forbidden: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Return the number of the nearest training sound for each test sound.

    Parameters
    ----------
    train, test : float32 tensor (N, SAMPLES), (M, SAMPLES)
    forbidden : bool tensor (M, N), optional
        Pairs that don't count.

    Returns
    -------
    dict of str to int64 tensor (M,)
        For each of the two distances, on the CPU.
    """
    nearest = {}
    for name, describe in (
        ("nearest mean spectrum", mean_spectra),
        ("nearest stretched spectrogram", stretched_spectrograms),
    ):
        likeness = describe(test.cpu()) @ describe(train.cpu()).T
        if forbidden is not None:
            likeness[forbidden] = -torch.inf
        nearest[name] = likeness.argmax(1)
    return nearest


def _unpadded(sounds):
    """Return the features of each sound without the frames of padding."""
    last = (torch.arange(sounds.shape[1]) * (sounds != 0)).amax(1)
    counts = 1 + (last + 1 - FRAME).clamp(min=0) // HOP
    features = log_mel(sounds)
    return [
        one[:, : int(count)]
        for one, count in zip(features, counts, strict=True)
    ]


def _normed(rows):
    rows = rows - rows.mean(1, keepdim=True)
    return rows / rows.norm(dim=1, keepdim=True)
