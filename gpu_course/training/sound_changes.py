"""Changes of a sound that leave the word the same: augmentation.

Each takes a batch and changes every example by an amount of its own, drawn
from torch's generator on the batch's device.
"""

from collections.abc import Sequence

import torch

from gpu_course.data.log_mel import log_mel

FASTEST = 1.1  # and its inverse: T. Ko et al. (2015) take 0.9 and 1.1
NOISE = 0.003, 0.3  # of a recording's root mean square
WIDEST_BANDS, WIDEST_FRAMES = 6, 10  # of 32 and 47


def _uniform(like, low=0.0, high=1.0):
    return low + (high - low) * torch.rand(len(like), 1, device=like.device)


def shift(sounds: torch.Tensor) -> torch.Tensor:
    """Move each sound to another place in its row, zeros around it.

    Parameters
    ----------
    sounds : float32 tensor (N, samples)
        Sounds that begin at 0 and end with zeros.
    """
    samples = sounds.shape[1]
    place = torch.arange(samples, device=sounds.device)
    room = samples - 1 - (place * (sounds != 0)).amax(1, keepdim=True)
    start = (_uniform(sounds) * (room + 1)).long()
    return sounds.gather(1, (place - start) % samples)


def speed(sounds: torch.Tensor) -> torch.Tensor:
    """Play each sound faster or slower, which moves its pitch as well.

    Samples between two are interpolated along a straight line; what no
    longer fits into the row is cut.

    Parameters
    ----------
    sounds : float32 tensor (N, samples)
    """
    samples = sounds.shape[1]
    factor = FASTEST ** _uniform(sounds, -1, 1)
    at = torch.arange(samples, device=sounds.device) * factor
    inside = at < samples - 1
    left = at.long().clamp(max=samples - 2)
    share = at - left
    before, after = sounds.gather(1, left), sounds.gather(1, left + 1)
    return torch.where(inside, before + share * (after - before), 0)


def noise(sounds: torch.Tensor) -> torch.Tensor:
    """Add white noise, from hardly any to a third of the sound.

    Parameters
    ----------
    sounds : float32 tensor (N, samples)
        Of root mean square 1 before padding.
    """
    low, high = NOISE
    level = low * (high / low) ** _uniform(sounds)
    return sounds + level * torch.randn_like(sounds)


def masks(features: torch.Tensor) -> torch.Tensor:
    """Blank some neighbouring bands and some neighbouring frames.

    They are set to the mean of the example (SpecAugment, without its warp).

    Parameters
    ----------
    features : float32 tensor (N, bands, frames)
    """
    mean = features.mean((1, 2), keepdim=True)
    for axis, widest in ((1, WIDEST_BANDS), (2, WIDEST_FRAMES)):
        size = features.shape[axis]
        width = (_uniform(features) * (widest + 1)).floor()
        start = (_uniform(features) * (size - width + 1)).floor()
        place = torch.arange(size, device=features.device)
        hit = (place >= start) & (place < start + width)
        features = torch.where(hit.unsqueeze(3 - axis), mean, features)
    return features


OF_SOUNDS = {"shift": shift, "speed": speed, "noise": noise}
NAMES = (*OF_SOUNDS, "masks")


def changed_features(
    sounds: torch.Tensor, changes: Sequence[str]
) -> torch.Tensor:
    """Return the log-mel features of changed sounds.

    Parameters
    ----------
    sounds : float32 tensor (N, samples)
    changes : sequence of str
        Of `NAMES`. Speed comes first, then shift, noise and masks.

    Returns
    -------
    float32 tensor (N, BANDS, frames)

    Raises
    ------
    ValueError
        If there is no such change.
    """
    if unknown := set(changes) - set(NAMES):
        raise ValueError(
            f"there is no change {sorted(unknown)[0]!r}; the changes are "
            + ", ".join(NAMES)
        )
    for name in ("speed", "shift", "noise"):
        if name in changes:
            sounds = OF_SOUNDS[name](sounds)
    features = log_mel(sounds)
    return masks(features) if "masks" in changes else features
