"""Gradients in float16: what is lost, and what scaling the loss saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from gpu_course.common.drawing import PURPLE, VERMILION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

# IEEE 754-2019, binary16, as exponents of two: half of the smallest number is
# rounded to zero; numbers below the smallest normal one have fewer digits.
ZERO, NORMAL, OVERFLOW = -25, -14, 16


def draw_gradients(
    ax: Axes, gradients: torch.Tensor, exponents: Sequence[int] = (0, 16)
) -> Axes:
    """Draw a histogram of gradient sizes over float16's range.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    gradients : float32 tensor
        All nonzero.
    exponents : sequence of int
        The loss is multiplied by 2 to the power of each.
    """
    sizes = gradients.abs().log2().numpy()
    low = min(ZERO - 10, int(np.floor(np.percentile(sizes, 0.5))))
    for exponent in exponents:
        name = f"loss × 2^{exponent}" if exponent else "as they are"
        ax.hist(
            sizes + exponent,
            bins=list(range(low, OVERFLOW + 2)),
            alpha=0.65,
            label=name,
        )
    bands = (
        (low, ZERO, VERMILION, "zero"),
        (ZERO, NORMAL, PURPLE, "fewer digits"),
    )
    top = 1.15 * ax.get_ylim()[1]
    for left, right, colour, text in bands:
        ax.axvspan(left, right, color=colour, alpha=0.12, linewidth=0)
        ax.text(
            (left + right) / 2,
            0.97 * top,
            text,
            ha="center",
            va="top",
            fontsize=9,
        )
    ax.axvline(OVERFLOW, color="black", linestyle="--")
    ax.text(
        OVERFLOW, 0.97 * top, "overflow ", ha="right", va="top", fontsize=9
    )
    ax.set(xlim=(low, OVERFLOW + 1), ylim=(0, top))
    ax.set(xlabel="log₂ of a gradient's size", ylabel="number of gradients")
    ax.legend(loc="center right", bbox_to_anchor=(0.96, 0.65))
    return ax
