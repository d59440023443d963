"""Find digits with a LeNet on windows: what came before one-shot detectors.

A LeNet sees 28×28 pixels at a time, and says which digit stands in the middle
of them, if any, and where its box ends. Its two poolings halve a picture
twice, so its layers, laid over a whole canvas, give the answers of all windows
that are four pixels apart at once (P. Sermanet and others, "OverFeat", 2014,
arXiv:1312.6229).
"""

import torch
from torch.nn import functional

from gpu_course.data.canvases import FRAME, SIDE, Canvases
from gpu_course.data.mnist import MEAN, STD
from gpu_course.tasks.average_precision import Boxes
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import fit
from gpu_course.training.recipe import Recipe

STRIDE = 4  # pixels between windows
NOTHING = 10  # the class of a window without a digit in the middle
NEAR, FAR = 2, 4  # pixels: a digit's window is near it, an empty one far
RECIPE = Recipe("adam", 0.008, 64, 1, schedule="one-cycle")


class WindowLeNet(LeNet):
    """A LeNet with eleven classes and a box: logits (N, 15).

    The eleventh class is "no digit in the middle"; the last four numbers are
    left, top, right and bottom of the digit's box in the window, divided by
    the window's side.
    """

    def __init__(self):
        super().__init__()
        self.fc3 = torch.nn.Linear(84, NOTHING + 1 + 4)

    def over(self, canvases: torch.Tensor) -> torch.Tensor:
        """Return the logits (N, 15, rows, columns) of all windows at once.

        The first linear layer becomes a convolution of 4×4, the others of
        1×1. The weights are the same.

        Parameters
        ----------
        canvases : float32 tensor (N, 1, H, W)
        """
        x = self.pool(self.conv1(canvases)).relu()
        x = self.pool(self.conv2(x)).relu()
        for layer, shape in (
            (self.fc1, (120, 16, 4, 4)),
            (self.fc2, (84, 120, 1, 1)),
            (self.fc3, (NOTHING + 5, 84, 1, 1)),
        ):
            x = functional.conv2d(x, layer.weight.view(shape), layer.bias)
            x = x if layer is self.fc3 else x.relu()
        return x


def as_lenet_sees(pictures: torch.Tensor) -> torch.Tensor:
    """Return pixels from 0 to 1 as the LeNet wants them."""
    return (pictures - MEAN) / STD


def windows_of(
    canvases: Canvases, pictures: torch.Tensor, count: int, seed: int
) -> torch.utils.data.TensorDataset:
    """Return windows to train on: half of them hold a digit.

    Parameters
    ----------
    canvases : Canvases
    pictures : float32 tensor (N, 1, 80, 80)
        The same canvases as the network sees them, noise and all.
    count : int
        How many windows.
    seed : int

    Returns
    -------
    TensorDataset
        Windows (count, 1, 28, 28), classes (count,), boxes (count, 4) as
        WindowLeNet gives them.
    """
    random = torch.Generator().manual_seed(seed)

    def whole(low, high, *shape):
        return torch.randint(low, high, shape, generator=random)

    half = count // 2
    row, slot = (canvases.labels >= 0).nonzero(as_tuple=True)
    which = whole(0, len(row), half)
    row, slot = row[which], slot[which]
    corner = canvases.frames[row, slot] + whole(-NEAR, NEAR + 1, half, 2)
    corner = corner.clamp(0, SIDE - FRAME)
    names = canvases.labels[row, slot]
    boxes = canvases.boxes[row, slot] - corner.repeat(1, 2)

    empty = whole(0, len(canvases), 4 * count)
    place = whole(0, SIDE - FRAME + 1, 4 * count, 2)
    apart = (canvases.frames[empty] - place[:, None]).abs().amax(2)
    is_far = ((apart > FAR) | (canvases.labels[empty] < 0)).all(1)
    empty, place = (t[is_far][: count - half] for t in (empty, place))

    row, corner = torch.cat([row, empty]), torch.cat([corner, place])
    steps = torch.arange(FRAME)
    windows = pictures[
        row[:, None, None],
        0,
        (corner[:, 1, None] + steps)[:, :, None],
        (corner[:, 0, None] + steps)[:, None],
    ]
    nothing = torch.full((len(empty),), NOTHING)
    none = torch.zeros(len(empty), 4)
    return torch.utils.data.TensorDataset(
        windows[:, None],
        torch.cat([names, nothing]),
        torch.cat([boxes / FRAME, none]),
    )


def window_loss(
    model: torch.nn.Module,
    windows: torch.Tensor,
    classes: torch.Tensor,
    boxes: torch.Tensor,
) -> torch.Tensor:
    """Return cross-entropy, plus the boxes' error where there is a digit."""
    out = model(windows)
    named = functional.cross_entropy(out[:, :-4], classes)
    apart = functional.smooth_l1_loss(
        out[:, -4:], boxes, beta=0.1, reduction="none"
    )
    there = (classes != NOTHING).float()
    return named + 2 * (apart.mean(1) * there).mean()


def train_windows(
    canvases: Canvases, pictures: torch.Tensor, count: int, seed: int = 0
) -> WindowLeNet:
    """Return a LeNet trained on so many windows, each seen once."""
    torch.manual_seed(seed)
    model = WindowLeNet()
    windows = windows_of(canvases, as_lenet_sees(pictures), count, seed)
    fit(
        model,
        windows,
        RECIPE,
        loss=window_loss,
        seed=seed,
        device="cpu",
        progress=False,
    )
    return model.eval()


def mean_boxes(canvases: Canvases) -> torch.Tensor:
    """Return the mean box (10, 4) of each digit in its 28×28 frame."""
    there = canvases.labels >= 0
    names = canvases.labels[there]
    boxes = (canvases.boxes - canvases.frames.repeat(1, 1, 2))[there]
    return torch.stack([boxes[names == d].float().mean(0) for d in range(10)])


@torch.no_grad()
def slide(
    model: WindowLeNet,
    pictures: torch.Tensor,
    fixed: torch.Tensor | None = None,
    surest: float = 0.05,
) -> Boxes:
    """Return what the LeNet finds in all windows, nothing suppressed yet.

    Parameters
    ----------
    model : WindowLeNet
    pictures : float32 tensor (N, 1, H, W)
        From 0 to 1, with noise.
    fixed : float32 tensor (10, 4), optional
        Each digit's box in a window. Default: the box that the network says.
    surest : float
        Windows whose best digit has a smaller probability are left out.
    """
    out = torch.cat(
        [model.over(as_lenet_sees(part)) for part in pictures.split(100)]
    )
    share = out[:, :-4].softmax(1)[:, :NOTHING]
    scores, labels = share.max(1)
    picture, row, column = (scores >= surest).nonzero(as_tuple=True)
    labels = labels[picture, row, column]
    if fixed is None:
        boxes = FRAME * out[:, -4:].permute(0, 2, 3, 1)[picture, row, column]
    else:
        boxes = fixed[labels]
    corner = STRIDE * torch.stack([column, row, column, row], 1)
    return Boxes(boxes + corner, labels, picture, scores[picture, row, column])
