"""A 5×5 filter that moves over a digit, one window at a time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from gpu_course.common.drawing import GREEN
from gpu_course.explorers.controls import Explorer, explorer, menu, slider
from gpu_course.layers.convolution import convolve, output_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SIDE, WINDOW = 28, 5
DIGIT = 32  # index of a test image, a 3
_SMOOTH = np.array([1, 4, 6, 4, 1]) / 16
_SLOPE = np.array([-1, -2, 0, 2, 1]) / 6
FILTERS = {
    "vertical edges": np.outer(_SMOOTH, _SLOPE),
    "horizontal edges": np.outer(_SLOPE, _SMOOTH),
    "blur": np.full((WINDOW, WINDOW), 1 / 25),
    "outline": np.pad([[1.0]], 2) - np.outer(_SMOOTH, _SMOOTH),
    "shift": np.pad([[1.0]], ((0, 4), (0, 4))),
}


@cache
def digit() -> np.ndarray:
    """Return the digit (28, 28), float32 from 0 to 1."""
    from gpu_course.data.mnist import load_mnist

    return load_mnist("test")[0][DIGIT].numpy().astype(np.float32) / 255


def draw_convolution(
    ax: Axes,
    filter_name: str = "vertical edges",
    row: int = 8,
    column: int = 8,
    stride: int = 1,
    padding: int = 0,
) -> Axes:
    """Draw the image with its window, the products, and the output so far.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    filter_name : str
        One of `FILTERS`.
    row, column : int
        The output pixel; a value past the end means the last one.
    stride, padding : int

    Raises
    ------
    ValueError
        If the filter is unknown or a number is out of range.
    """
    if filter_name not in FILTERS:
        raise ValueError(
            f"filter_name must be one of {list(FILTERS)}, got {filter_name!r}"
        )
    if row < 0 or column < 0:
        raise ValueError(
            f"row and column must be at least 0, got {row} and {column}"
        )
    size = output_size(SIDE, WINDOW, stride, padding)
    row, column = min(row, size - 1), min(column, size - 1)
    weights = FILTERS[filter_name]
    image = np.pad(digit(), padding)
    output = convolve(
        image[None, None], weights[None, None], np.zeros(1), stride
    )[0, 0]
    top, left = row * stride, column * stride
    products = image[top : top + WINDOW, left : left + WINDOW] * weights
    ax.axis("off")
    _draw_image(ax.inset_axes((0.03, 0, 0.29, 0.9)), image, top, left, padding)
    _draw_products(ax.inset_axes((0.385, 0.1, 0.25, 0.7)), products)
    _draw_output(ax.inset_axes((0.71, 0, 0.29, 0.9)), output, row, column)
    ax.set_title(
        f"{filter_name}, stride {stride}, padding {padding}: {SIDE}×{SIDE} "
        f"pixels become {size}×{size}",
        fontsize=10,
    )
    return ax


def _draw_image(ax, image, top, left, padding):
    ax.imshow(image, vmin=0, vmax=1)
    ax.add_patch(
        Rectangle(
            (left - 0.5, top - 0.5),
            WINDOW,
            WINDOW,
            fill=False,
            edgecolor=GREEN,
            linewidth=2,
        )
    )
    if padding:
        ax.add_patch(
            Rectangle(
                (padding - 0.5, padding - 0.5),
                SIDE,
                SIDE,
                fill=False,
                edgecolor="0.5",
                linestyle=":",
            )
        )
    _clear(ax, "x, with its padding" if padding else "image x")


def _draw_products(ax, products):
    largest = max(np.abs(products).max(), 1e-9)
    ax.imshow(products, cmap="PuOr", vmin=-largest, vmax=largest)
    for (r, s), value in np.ndenumerate(products):
        ink = "white" if abs(value) > 0.7 * largest else "black"
        ax.text(
            s, r, _two(value), ha="center", va="center", fontsize=6, color=ink
        )
    _clear(ax, f"pixel × weight, sum {_two(products.sum())}")


def _draw_output(ax, output, row, column):
    largest = max(np.abs(output).max(), 1e-9)
    done = output.copy()
    done.flat[row * output.shape[1] + column + 1 :] = np.nan
    ax.imshow(done, cmap="PuOr", vmin=-largest, vmax=largest)
    ax.set_facecolor("0.93")
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            1,
            1,
            fill=False,
            edgecolor=GREEN,
            linewidth=2,
        )
    )
    _clear(ax, f"y[{row}, {column}] = {_two(output[row, column])}")


def _two(value):
    """Return text with two decimals, and never -0.00."""
    return f"{round(float(value), 2) + 0.0:.2f}"


def _clear(ax, title):
    ax.set_title(title, fontsize=9, loc="center")
    ax.grid(visible=False)
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(True)


def explore_convolution() -> Explorer:
    """Return the picture with controls: filter, place, stride and padding."""
    return explorer(
        draw_convolution,
        (8.5, 3.1),
        filter_name=menu("filter", list(FILTERS)),
        row=slider("row", 8, 0, 27),
        column=slider("column", 8, 0, 27),
        stride=slider("stride", 1, 1, 4),
        padding=slider("padding", 0, 0, 2),
    )
