"""Filters against noise: Gaussian, median and bilateral; and the PSNR.

All take float32 pictures (N, 1, H, W) and give as many; beyond the border a
picture goes on with its outermost pixels.
"""

import torch
from torch.nn import functional


def neighbourhoods(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Return the side×side pixels around each pixel: (N, side², H, W).

    Raises
    ------
    ValueError
        If the side isn't odd and positive.
    """
    if side < 1 or side % 2 == 0:
        raise ValueError(f"side must be odd and positive, got {side}")
    reach = side // 2
    padded = functional.pad(pictures, (reach,) * 4, mode="replicate")
    height, width = pictures.shape[2:]
    return functional.unfold(padded, side).unflatten(2, (height, width))


def _squared_distance(side):
    """Return each neighbour's squared distance in pixels, (side², 1, 1)."""
    steps = torch.arange(side, dtype=torch.float32) - side // 2
    return (steps[:, None] ** 2 + steps**2).view(-1, 1, 1)


def gaussian(
    pictures: torch.Tensor, width: float, side: int = 7
) -> torch.Tensor:
    """Return weighted means; a neighbour's weight falls with its distance.

    Parameters
    ----------
    pictures : float32 tensor (N, 1, H, W)
    width : float
        The standard deviation of the weights, in pixels.
    side : int
    """
    weights = (-_squared_distance(side) / (2 * width**2)).exp()
    weights = weights.to(pictures.device) / weights.sum()
    return (neighbourhoods(pictures, side) * weights).sum(1, keepdim=True)


def median(pictures: torch.Tensor, side: int = 3) -> torch.Tensor:
    """Return the middle one of the side×side pixels around each."""
    return neighbourhoods(pictures, side).median(1, keepdim=True).values


def bilateral(
    pictures: torch.Tensor, width: float, contrast: float, side: int = 7
) -> torch.Tensor:
    """Return means over neighbours that are near and alike.

    C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color
    images", ICCV 1998.

    Parameters
    ----------
    pictures : float32 tensor (N, 1, H, W)
    width : float
        How near: the standard deviation of the distance, in pixels.
    contrast : float
        How alike: the standard deviation of the difference of two pixels.
    side : int
    """
    around = neighbourhoods(pictures, side)
    far = _squared_distance(side).to(pictures.device) / (2 * width**2)
    unlike = (around - pictures) ** 2 / (2 * contrast**2)
    weights = (-far - unlike).exp()
    return (weights * around).sum(1, keepdim=True) / weights.sum(
        1, keepdim=True
    )


def psnr(got: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Return each picture's peak signal-to-noise ratio in dB: (N,).

        PSNR = 10 log₁₀(1 / mean squared error)

    The peak is 1, the distance of black and white. The pictures that were
    got are cut off at 0 and 1 first.

    Parameters
    ----------
    got, clean : float32 tensor (N, 1, H, W)
        From 0 to 1, on one device.
    """
    error = (got.clamp(0, 1) - clean).square().flatten(1).mean(1)
    return -10 * error.log10()
