"""The filters against loops over pixels, and the PSNR by hand."""

import math

import numpy as np
import pytest
import torch

from gpu_course.tasks import filters


@pytest.fixture
def picture():
    return torch.rand(1, 1, 6, 9, generator=torch.Generator().manual_seed(0))


def by_pixels(picture, side, combine):
    """Apply combine(neighbours, centre, squared distances) to each pixel."""
    image, reach = picture[0, 0].numpy(), side // 2
    padded = np.pad(image, reach, "edge")
    steps = np.arange(side) - reach
    far = (steps[:, None] ** 2 + steps**2).ravel()
    out = [
        [
            combine(
                padded[r : r + side, c : c + side].ravel(), image[r, c], far
            )
            for c in range(image.shape[1])
        ]
        for r in range(image.shape[0])
    ]
    return torch.tensor(np.array(out, dtype=np.float32))[None, None]


def weighted(values, weights):
    return (values * weights).sum() / weights.sum()


def test_gaussian(picture):
    expected = by_pixels(
        picture, 5, lambda v, c, far: weighted(v, np.exp(-far / (2 * 0.64)))
    )
    torch.testing.assert_close(filters.gaussian(picture, 0.8, 5), expected)


@pytest.mark.parametrize("side", [3, 5])
def test_median(picture, side):
    expected = by_pixels(picture, side, lambda v, c, far: np.median(v))
    torch.testing.assert_close(filters.median(picture, side), expected)


def test_bilateral(picture):
    def combine(values, centre, far):
        unlike = (values - centre) ** 2 / (2 * 0.3**2)
        return weighted(values, np.exp(-far / (2 * 1.5**2) - unlike))

    expected = by_pixels(picture, 5, combine)
    got = filters.bilateral(picture, 1.5, 0.3, 5)
    torch.testing.assert_close(got, expected)


def test_a_flat_picture_stays(picture):
    flat = torch.full_like(picture, 0.25)
    for got in (
        filters.gaussian(flat, 1.0),
        filters.median(flat),
        filters.bilateral(flat, 1.0, 0.1),
    ):
        torch.testing.assert_close(got, flat)


def test_an_even_side():
    with pytest.raises(ValueError, match="odd and positive, got 4"):
        filters.neighbourhoods(torch.zeros(1, 1, 5, 5), 4)


def test_psnr_by_hand():
    clean = torch.zeros(2, 1, 4, 4)
    got = clean.clone()
    got[0] += 0.1
    got[1, 0, 0, 0] = 5  # cut off at 1: an error of 1 in one of 16 pixels
    expected = [20, 10 * math.log10(16)]
    assert filters.psnr(got, clean).tolist() == pytest.approx(expected)
