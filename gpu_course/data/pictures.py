"""Pictures of digits and results, drawn the same way in every chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from matplotlib.axes import Axes


def show_pixels(ax: Axes, image: np.ndarray) -> Axes:
    """Draw an image as cells, with each nonzero value written in its cell.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    image : uint8 array (H, W)
    """
    image = np.asarray(image)
    ax.imshow(image, vmin=0, vmax=255)
    for row, column in zip(*np.nonzero(image), strict=True):
        value = image[row, column]
        colour = "white" if value > 127 else "black"
        place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 5}
        ax.text(column, row, value, color=colour, **place)
    height, width = image.shape
    ax.set_xticks(np.arange(-0.5, width), minor=True)
    ax.set_yticks(np.arange(-0.5, height), minor=True)
    ax.grid(visible=False)
    ax.grid(which="minor", linewidth=0.4)
    ax.tick_params(which="minor", length=0)
    ax.set(xlabel="column", ylabel="row")
    return ax


def show_digits(
    images: np.ndarray | torch.Tensor,
    titles: Sequence[str] | None = None,
    rows: int = 1,
) -> np.ndarray:
    """Draw images side by side, each under its title; return the axes.

    Parameters
    ----------
    images : array or tensor (N, H, W)
    titles : sequence of str, optional
    """
    import matplotlib.pyplot as plt

    columns = -(-len(images) // rows)
    height = 0.75 if titles is None else 1.0
    _, axes = plt.subplots(
        rows, columns, figsize=(0.75 * columns, height * rows), squeeze=False
    )
    for ax in axes.flat:
        ax.axis("off")
    for index, (ax, image) in enumerate(zip(axes.flat, images, strict=False)):
        ax.imshow(image, vmin=0, vmax=255)
        if titles is not None:
            ax.set_title(titles[index], fontsize=10, loc="center")
    return axes


def show_confusion(ax: Axes, counts: np.ndarray) -> Axes:
    """Draw a confusion matrix: rows are true classes, columns predictions.

    Correct predictions, on the diagonal, have no colour, so that the mistakes
    stand out.

    Parameters
    ----------
    counts : int array (C, C)
    """
    counts = np.asarray(counts)
    wrong = counts - np.diag(np.diag(counts))
    ax.imshow(wrong, cmap="Oranges")
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            dark = wrong[row, column] > 0.6 * wrong.max()
            ink = "0.5" if row == column else "white" if dark else "black"
            ax.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=9,
                color=ink,
            )
    classes = range(len(counts))
    ax.set(xticks=classes, yticks=classes, xlabel="predicted", ylabel="true")
    ax.grid(visible=False)
    return ax
