"""Canvases: digits where the boxes say, apart, and the same for a seed."""

import pytest
import torch

from gpu_course.data.canvases import (
    FRAME,
    MARGIN,
    MOST,
    SIDE,
    ink_boxes,
    scatter_digits,
)


@pytest.fixture(scope="module")
def digits():
    """Forty rectangles of ink, each of a size of its own, in 28×28."""
    images = torch.zeros(40, FRAME, FRAME, dtype=torch.uint8)
    for number, image in enumerate(images):
        image[6 : 10 + number % 9, 5 : 12 + number % 7] = 100 + number
    return images, torch.arange(40) % 10


@pytest.fixture(scope="module")
def canvases(digits):
    return scatter_digits(*digits, count=200, seed=1)


def test_a_box_is_the_ink_and_its_margin():
    images = torch.zeros(2, 28, 28, dtype=torch.uint8)
    images[0, 3:10, 5:7] = 255
    images[1, 20, 11] = 64
    images[1, 0, 0] = 63  # too faint
    assert ink_boxes(images).tolist() == [
        [5 - MARGIN, 3 - MARGIN, 7 + MARGIN, 10 + MARGIN],
        [11 - MARGIN, 20 - MARGIN, 12 + MARGIN, 21 + MARGIN],
    ]


def test_each_digit_lies_in_its_box(digits, canvases):
    images, labels = digits
    for picture, boxes, names, frames in zip(
        canvases.pictures,
        canvases.boxes,
        canvases.labels,
        canvases.frames,
        strict=True,
    ):
        for box, name, frame in zip(boxes, names, frames, strict=True):
            if name < 0:
                assert box.tolist() == [0] * 4
                continue
            left, top, right, bottom = box.tolist()
            assert 0 <= left < right <= SIDE
            assert 0 <= top < bottom <= SIDE
            x, y = frame.tolist()
            cut = picture[y : y + FRAME, x : x + FRAME]
            # The digit is there in full, perhaps under a scrap or a neighbour.
            assert any(
                bool((cut >= image).all())
                and (ink_boxes(image[None])[0] + frame.repeat(2)).tolist()
                == box.tolist()
                for image in images[labels == name]
            )


def test_boxes_share_no_pixel(canvases):
    for boxes, names in zip(canvases.boxes, canvases.labels, strict=True):
        cover = torch.zeros(SIDE, SIDE, dtype=torch.int64)
        for left, top, right, bottom in boxes[names >= 0].tolist():
            cover[top:bottom, left:right] += 1
        assert int(cover.max()) == 1


def test_one_to_four_digits_and_each_number_often(canvases):
    counts = (canvases.labels >= 0).sum(1).bincount(minlength=MOST + 1)
    assert counts[0] == 0
    assert int(counts[1:].min()) > 20
    assert len(canvases) == 200


def test_the_seed_decides(digits, canvases):
    again = scatter_digits(*digits, count=200, seed=1)
    other = scatter_digits(*digits, count=200, seed=2)
    assert torch.equal(again.pictures, canvases.pictures)
    assert torch.equal(again.boxes, canvases.boxes)
    assert not torch.equal(other.pictures, canvases.pictures)


def test_no_canvas_at_all(digits):
    with pytest.raises(ValueError, match="count must be positive, got 0"):
        scatter_digits(*digits, count=0)
