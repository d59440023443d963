"""Denoising, detection and verification: what is special to each of them."""

import pytest
import torch

from gpu_course.data.canvases import SIDE, Canvases, scatter_digits
from gpu_course.data.mnist import load_mnist
from gpu_course.tasks import denoise, detect, sliding_windows, verify

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def few():
    """Thirty canvases of training digits."""
    return scatter_digits(*load_mnist("train"), count=30, seed=3)


def test_the_windows_at_once_are_those_one_by_one(few):
    torch.manual_seed(0)
    model = sliding_windows.WindowLeNet().eval()
    seen = sliding_windows.as_lenet_sees(detect.noisy(few.pictures[:2], 1))
    windows = seen.unfold(2, 28, 4).unfold(3, 28, 4)[:, 0]
    with torch.no_grad():
        together = model.over(seen).permute(0, 2, 3, 1)
        alone = model(windows.reshape(-1, 1, 28, 28))
    assert together.shape == (2, 14, 14, 15)
    torch.testing.assert_close(together.reshape(-1, 15), alone)


def test_windows_hold_what_their_classes_say(few):
    ink = few.pictures[:, None].float() / 255
    windows, classes, boxes = sliding_windows.windows_of(
        few, ink, 100, seed=0
    ).tensors
    assert len(windows) == 100
    assert (classes == sliding_windows.NOTHING).sum() == 50
    for window, name, box in zip(windows, classes, boxes * 28, strict=True):
        if name == sliding_windows.NOTHING:
            assert box.tolist() == [0] * 4
            continue
        left, top, right, bottom = box.round().long().clamp(0, 28).tolist()
        inside = window[0, top:bottom, left:right]
        assert inside.max() >= 0.25
        # The box is tight: two pixels from its sides there is ink.
        places = (inside >= 0.25).nonzero()
        assert places.min(0).values.tolist() == pytest.approx([2, 2], abs=2)


class Oracle(torch.nn.Module):
    """A "network" that gives the numbers that describe given canvases."""

    def __init__(self, canvases):
        super().__init__()
        self.out = torch.zeros(len(canvases), 15, 10, 10)
        self.out[:, 0] = -20
        for picture, (boxes, names) in enumerate(
            zip(canvases.boxes, canvases.labels, strict=True)
        ):
            for (left, top, right, bottom), name in zip(
                boxes.tolist(), names.tolist(), strict=True
            ):
                if name < 0:
                    continue
                x, y = (left + right) / 16, (top + bottom) / 16
                cell = self.out[picture, :, int(y), int(x)]
                cell[0] = 20
                cell[1:5] = torch.tensor(
                    [
                        x - int(x) - 0.5,
                        y - int(y) - 0.5,
                        torch.tensor((right - left) / 20).log(),
                        torch.tensor((bottom - top) / 20).log(),
                    ]
                )
                cell[5 + name] = 30

    def forward(self, canvases):
        return self.out[: len(canvases)]


def test_right_numbers_are_decoded_to_the_true_boxes(few):
    truth = detect.true_boxes(few)
    data = detect.Detection(None, few, torch.zeros(30, 1, SIDE, SIDE), truth)
    model = Oracle(few)
    model.register_parameter("p", torch.nn.Parameter(torch.zeros(1)))
    assert detect.judge(model, data)["average precision"] > 0.999


def test_right_numbers_have_no_loss(few):
    model = Oracle(few)
    given = few.pictures, few.boxes, few.labels
    assert detect.loss(model, *given).item() == pytest.approx(0, abs=1e-4)
    model.out = model.out.roll(1, 3)
    assert detect.loss(model, *given).item() > 10


def test_the_mean_boxes_are_those_of_the_digits(few):
    means = sliding_windows.mean_boxes(
        scatter_digits(*load_mnist("train"), count=300, seed=4)
    )
    width = means[:, 2] - means[:, 0]
    assert width.argmin() == 1
    assert ((means[:, 3] - means[:, 1]) > 20).all()


def test_training_and_judging_share_no_canvas_and_no_digit():
    data = detect.load(CPU)
    assert len(data.noisy) == detect.TEST
    assert isinstance(data.drawn, Canvases)
    assert data.truth.pictures.max() == detect.TEST - 1
    digits = verify.load(CPU)
    assert set(digits.train.tensors[1].tolist()) == set(verify.KNOWN)
    assert set(digits.unseen.tensors[1].tolist()) == set(verify.UNSEEN)
    noisy = denoise.load(CPU)
    train = {image.numpy().tobytes() for image in noisy.train.tensors[0]}
    for part in (noisy.validation[1], noisy.test[1]):
        assert not train & {image.numpy().tobytes() for image in part}


def test_turning_is_the_eight_ways_of_a_square():
    image = torch.arange(9).view(1, 3, 3)
    ways = {
        tuple(verify.turned(image, w).flatten().tolist()) for w in range(8)
    }
    assert len(ways) == 8
    assert verify.turned(image, 2).flatten().tolist() == list(range(9))[::-1]
    assert verify.turned(image, 4)[0, 0].tolist() == [2, 1, 0]


def test_no_class_is_a_six_upside_down():
    table = verify.class_table(verify.KNOWN)
    assert table[6, 2] == -1
    assert (table[7:] == -1).all()
    used = table[table >= 0]
    assert used.sort().values.tolist() == list(range(len(used)))


def test_the_margin_makes_the_loss_larger(monkeypatch):
    torch.manual_seed(0)
    model = verify.Embedding().eval()
    images, labels = (t[:32] for t in verify.load(CPU).train.tensors)

    def loss(margin):
        monkeypatch.setattr(verify, "MARGIN", margin)
        torch.manual_seed(1)
        return verify.arc_loss(model, images, labels).item()

    assert loss(0.5) > loss(0.2) > loss(0.0)
    torch.manual_seed(1)
    ways = torch.randint(8, labels.shape)
    ways = torch.where(model.classes[labels, ways] < 0, 0, ways)
    seen = torch.stack(
        [verify.turned(i, int(w)) for i, w in zip(images, ways, strict=True)]
    )
    cosines = torch.nn.functional.cosine_similarity(
        model(seen)[:, None], model.directions[None], dim=2
    )
    expected = torch.nn.functional.cross_entropy(
        verify.SCALE * cosines, model.classes[labels, ways]
    )
    assert loss(0.0) == pytest.approx(expected.item(), abs=1e-4)


def test_the_components_are_those_of_the_covariance():
    random = torch.Generator().manual_seed(0)
    mix = torch.randn(6, 6, generator=random)
    images = (torch.randn(500, 6, generator=random) @ mix).view(500, 1, 2, 3)
    mean, directions = verify.components(images, 3, white=True)
    kept = (images.flatten(1) - mean) @ directions
    torch.testing.assert_close(
        kept.T.cov(correction=0), torch.eye(3), atol=1e-3, rtol=0
    )
    _, plain = verify.components(images, 3, white=False)
    torch.testing.assert_close(plain.T @ plain, torch.eye(3))
    spread = ((images.flatten(1) - mean) @ plain).var(0)
    assert spread[0] > spread[1] > spread[2]


def test_the_filters_are_adjusted_on_validation_digits_alone():
    data = denoise.load(CPU)
    small = denoise.Noisy(
        data.train, tuple(t[:20] for t in data.validation), (None, None)
    )
    best = denoise.adjusted(small)
    assert set(best) == {"Gaussian", "median", "bilateral"}
    function, given = best["Gaussian"]
    noisy, clean = small.validation

    def score(width):
        return denoise.psnr(function(noisy, width), clean).mean()

    assert score(*given) == max(map(score, denoise.WIDTHS))
