"""Softmax with a temperature: five logits and their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpu_course.explorers.controls import Explorer, explorer, slider
from gpu_course.layers.losses import softmax

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LOGITS = np.array([[2.0, 1.0, 0.5, -1.0, -2.0]])


def draw_softmax(ax: Axes, tenths: int = 10) -> Axes:
    """Draw the softmax of five logits at a temperature.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    tenths : int
        The temperature T, in tenths.
    """
    temperature = tenths / 10
    p = softmax(LOGITS, temperature)[0]
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    bars = ax.bar(range(p.size), p)
    ax.bar_label(bars, [f"{share:.3f}" for share in p], fontsize=8)
    ax.set_xticks(range(p.size), [f"z = {z:g}" for z in LOGITS[0]])
    ax.set(ylim=(0, 1.1), ylabel="probability")
    ax.set_title(
        f"T = {temperature:g}, entropy {entropy:.2f} nats", fontsize=10
    )
    return ax


def explore_softmax() -> Explorer:
    """Return the picture with a slider for the temperature."""
    return explorer(
        draw_softmax,
        (6, 3),
        tenths=slider("temperature, tenths", 10, 1, 100),
    )
