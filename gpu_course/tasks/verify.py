"""The task ``verify``: whether two digits of kinds never seen are the same."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.mnist import load_mnist, normalise
from gpu_course.tasks.roc import pair_scores, roc
from gpu_course.tasks.task import Task
from gpu_course.training.recipe import Recipe

KNOWN, UNSEEN = tuple(range(7)), (7, 8, 9)
TEST = 500  # test pictures of each unseen digit
COUNTS = (5, 10, 20, 40, 80)  # tried: principal components that are kept
SCALE, MARGIN = 8.0, 0.3  # of the loss; the margin is an angle in radians
# A 6 upside down is left out of training: it is a 9, which must stay unseen.
# A 0 or 1 looks the same when it is mirrored or upside down.
WAYS = {0: (0, 1), 1: (0, 1), 6: (0, 1, 3, 4, 5, 6, 7)}


def turned(images: torch.Tensor, way: int) -> torch.Tensor:
    """Return pictures (…, H, H), turned by `way` % 4 quarters of a turn.

    From 4 on they are mirrored first.
    """
    images = images.flip(-1) if way >= 4 else images
    return images.rot90(way % 4, (-2, -1))


def class_table(digits: tuple) -> torch.Tensor:
    """Return the class of each digit turned in each way: int64 (10, 8).

    A turned digit is a class of its own. -1 stands for those left out.
    """
    table = torch.full((10, 8), -1)
    pairs = [(d, way) for d in digits for way in WAYS.get(d, range(8))]
    for number, pair in enumerate(pairs):
        table[pair] = number
    return table


class Embedding(nn.Module):
    """A CNN that makes a vector of length 1 of a digit.

    Input: float32 of shape (N, 1, 28, 28). Output: (N, dimensions). In
    training it also has a direction for each class, as in J. Deng, J. Guo,
    N. Xue and S. Zafeiriou, "ArcFace" (2019).

    Parameters
    ----------
    digits : tuple of int
        Those to be trained on.
    dimensions : int
    """

    classes: torch.Tensor

    def __init__(self, digits: tuple = KNOWN, dimensions: int = 128):
        super().__init__()
        self.register_buffer("classes", class_table(digits))

        def stage(before, after):
            return (
                nn.Conv2d(before, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.MaxPool2d(2),
            )

        self.layers = nn.Sequential(
            *stage(1, 16),  # 28 -> 14
            *stage(16, 32),  # 14 -> 7
            *stage(32, 64),  # 7 -> 3
            nn.Flatten(),
            nn.Linear(64 * 9, dimensions),
        )
        self.directions = nn.Parameter(
            torch.randn(int(self.classes.max()) + 1, dimensions)
        )

    def forward(self, images):
        """Return the vectors, of length 1."""
        return functional.normalize(self.layers(images))


@dataclass(frozen=True)
class Verification:
    """Digits to learn from, and unseen digits to compare.

    Attributes
    ----------
    train : TensorDataset
        Pictures of 0 to 6, normalised, and their labels: training split.
    unseen : TensorDataset
        Of 7, 8 and 9, 500 each: test split.
    """

    train: TensorDataset
    unseen: TensorDataset


def digits_of(
    split: str, digits: tuple, device: torch.device, most: int | None = None
) -> TensorDataset:
    """Return the first pictures of these digits, so many of each."""
    images, labels = load_mnist(split)
    rows = [(labels == d).nonzero().flatten()[:most] for d in digits]
    chosen = torch.cat(rows).sort().values
    return TensorDataset(
        normalise(images[chosen], device), labels[chosen].to(device)
    )


def load(device: torch.device) -> Verification:
    """Return the known digits of one split, the unseen of the other."""
    return Verification(
        digits_of("train", KNOWN, device),
        digits_of("test", UNSEEN, device, TEST),
    )


def arc_loss(
    model: Embedding, images: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Return ArcFace's loss of a batch, each picture turned in some way.

    The logits are `SCALE` times the cosines of vector and direction. The
    angle to the right direction is made larger by `MARGIN` first, so the
    network has to bring it down by as much.
    """
    ways = torch.randint(8, labels.shape).to(labels.device)
    classes = model.classes[labels, ways]
    ways = torch.where(classes < 0, 0, ways)
    classes = model.classes[labels, ways]
    seen = torch.empty_like(images)
    for way in range(8):
        rows = ways == way
        seen[rows] = turned(images[rows], way)
    cosines = model(seen) @ functional.normalize(model.directions).T
    right = cosines.gather(1, classes[:, None]).clamp(-0.999, 0.999)
    further = (right.acos() + MARGIN).clamp(max=math.pi).cos()
    logits = cosines.scatter(1, classes[:, None], further)
    return functional.cross_entropy(SCALE * logits, classes)


def judge(model: nn.Module, data: Verification) -> dict[str, float]:
    """Return area under the curve and equal error for the unseen digits."""
    images, labels = data.unseen.tensors
    return measured(model(images), labels)


def measured(vectors: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return AUC and equal error rate of the vectors' cosines."""
    curve = roc(*pair_scores(vectors.cpu(), labels.cpu()))
    return {"AUC": curve.area, "equal error rate": curve.equal_error}


def components(images: torch.Tensor, count: int, white: bool) -> tuple:
    """Return the mean picture and the first principal components.

    Parameters
    ----------
    images : float32 tensor (N, 1, H, W)
    count : int
    white : bool
        Divide each direction by the pictures' standard deviation along it.

    Returns
    -------
    mean : float32 tensor (H · W,)
    directions : float32 tensor (H · W, count)
        In the order of the variance along them, the largest first.
    """
    flat = images.flatten(1)
    mean = flat.mean(0)
    spread = (flat - mean).double()
    variance, directions = torch.linalg.eigh(spread.T @ spread / len(flat))
    variance, directions = variance.flip(0), directions.flip(1)
    if white:
        directions = directions / variance.clamp(min=1e-6).sqrt()
    return mean, directions[:, :count].float()


def without_training(data: Verification) -> dict[str, float]:
    """Return the same measures for pixels, and for principal components.

    How many components are kept, and whether they are whitened, is chosen on
    digits 4, 5 and 6 of the training split.
    """
    images, labels = (tensor.cpu() for tensor in data.train.tensors)
    rows = torch.cat(
        [(labels == d).nonzero().flatten()[:200] for d in (4, 5, 6)]
    )
    best = (-1.0, None)
    for white in (False, True):
        mean, directions = components(images[:10_000], max(COUNTS), white)
        spread = images[rows].flatten(1) - mean
        for count in COUNTS:
            kept = directions[:, :count]
            area = measured(spread @ kept, labels[rows])["AUC"]
            best = max(best, (area, kept), key=lambda pair: pair[0])
    tests, truth = (tensor.cpu() for tensor in data.unseen.tensors)
    vectors = {
        "pixels": tests.flatten(1),
        "pixels minus their mean": tests.flatten(1) - mean,
        "principal components": (tests.flatten(1) - mean) @ best[1],
    }
    return {
        f"{name}: {measure}": value
        for name, each in vectors.items()
        for measure, value in measured(each, truth).items()
    }


TASKS = {
    "verify": Task(
        name="verify",
        recipe=Recipe("adam", 0.004, 128, 2, schedule="one-cycle"),
        load=load,
        build=lambda data: Embedding(),
        loss=arc_loss,
        judge=judge,
        baseline=without_training,
        measure="AUC",
    )
}
