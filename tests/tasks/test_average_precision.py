"""Average precision against brute force over all thresholds."""

import itertools

import pytest
import torch

from gpu_course.tasks.average_precision import (
    Boxes,
    average_precision,
    mean_average_precision,
)


def iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return width * height / (sum(areas) - width * height)


def rows(boxes):
    return list(
        zip(
            boxes.boxes.tolist(),
            boxes.labels.tolist(),
            boxes.pictures.tolist(),
            boxes.scores.tolist(),
            strict=True,
        )
    )


def brute_force(found, truth, label, overlap):
    """For each threshold on its own: match, count, integrate."""
    there = [r for r in rows(truth) if r[1] == label]
    ours = [r for r in rows(found) if r[1] == label]
    points = []
    for threshold in sorted({r[3] for r in ours}, reverse=True):
        taken, right, said = set(), 0, 0
        for box, _, picture, score in sorted(ours, key=lambda r: -r[3]):
            if score < threshold:
                break
            said += 1
            here = [
                (iou(box, r[0]), n)
                for n, r in enumerate(there)
                if r[2] == picture
            ]
            if here:
                best, number = max(here, key=lambda pair: pair[0])
                if best >= overlap and number not in taken:
                    taken.add(number)
                    right += 1
        points.append((right / len(there), right / said))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(points):
        area += (recall - before) * max(p for _, p in points[place:])
        before = recall
    return area


def random_boxes(count, pictures, random, near=None):
    corner = torch.rand(count, 2, generator=random) * 40
    size = 5 + torch.rand(count, 2, generator=random) * 15
    boxes = torch.cat([corner, corner + size], 1)
    labels = torch.randint(3, (count,), generator=random)
    places = torch.randint(pictures, (count,), generator=random)
    if near is not None:  # half of them are true boxes, shifted
        which = torch.randint(len(near), (count // 2,), generator=random)
        shift = torch.randn(count // 2, 4, generator=random) * 2
        boxes[: count // 2] = near.boxes[which] + shift
        labels[: count // 2] = near.labels[which]
        places[: count // 2] = near.pictures[which]
    scores = torch.rand(count, generator=random)
    return Boxes(boxes, labels, places, scores)


@pytest.mark.parametrize(
    ("seed", "overlap"), list(itertools.product(range(4), (0.3, 0.5)))
)
def test_it_is_what_brute_force_gives(seed, overlap):
    random = torch.Generator().manual_seed(seed)
    truth = random_boxes(30, 8, random)
    found = random_boxes(80, 8, random, truth)
    mean, each = mean_average_precision(found, truth, overlap)
    expected = {k: brute_force(found, truth, k, overlap) for k in (0, 1, 2)}
    assert each == pytest.approx(expected)
    assert mean == pytest.approx(sum(expected.values()) / 3)
    assert 0.05 < mean < 0.95  # else the case would show nothing


def line(lefts, scores, labels=None):
    boxes = [[left, 0, left + 10, 10] for left in lefts]
    zeros = torch.zeros(len(lefts), dtype=torch.int64)
    return Boxes(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        zeros if labels is None else torch.tensor(labels),
        zeros,
        torch.tensor(scores, dtype=torch.float32),
    )


def test_by_hand():
    truth = line([0, 20, 40], [1, 1, 1])
    found = line([1, 60, 21, 2], [0.9, 0.8, 0.7, 0.6])
    assert average_precision(found, truth) == pytest.approx((1 + 2 / 3) / 3)
    perfect = line([0, 20, 40, 90], [0.9, 0.8, 0.7, 0.1])
    assert average_precision(perfect, truth) == pytest.approx(1)
    assert average_precision(line([], []), truth) == 0


def test_the_class_counts():
    truth = line([0, 20], [1, 1], [3, 7])
    swapped = line([0, 20], [0.9, 0.8], [7, 3])
    assert mean_average_precision(swapped, truth)[0] == 0
    assert average_precision(swapped, truth) == pytest.approx(1)
    other = line([0, 20, 50], [0.9, 0.8, 0.99], [3, 7, 5])
    assert mean_average_precision(other, truth) == (1.0, {3: 1.0, 7: 1.0})


def test_nothing_to_find():
    with pytest.raises(ValueError, match="no true box"):
        average_precision(line([0], [1]), line([], []))


def test_suppression_is_of_each_picture_alone():
    boxes = line([0, 1, 30, 0], [0.5, 0.9, 0.3, 0.4])
    boxes.pictures[3] = 1
    kept = boxes.suppressed(0.5)
    assert kept.scores.tolist() == pytest.approx([0.9, 0.4, 0.3])
