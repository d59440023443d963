"""The drawing vocabulary of every chapter.

Threads are discs, memory is cells, a warp is a band of colour, and a barrier
is a line across. Idle parts are hollow, so the pictures can be read without
colour. The colours are Okabe and Ito's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Circle, Rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, YELLOW, PURPLE = "#56B4E9", "#F0E442", "#CC79A7"

THREAD = SKY  # a thread that is active
MEMORY = YELLOW  # a cell that is used
FAULT = VERMILION  # wasted or wrong
BARRIER = "black"
WARPS = (BLUE, ORANGE, GREEN, PURPLE)  # band colours, in turn
IDLE = "white"


def _add(ax, patch):
    """Add a patch without changing the axis limits that `frame` sets."""
    ax.add_artist(patch)
    patch.set_in_layout(False)


def _write(ax, x, y, text, **style):
    if text != "":
        ax.text(x, y, text, **style).set_in_layout(False)


def draw_thread(
    ax: Axes,
    x: float,
    y: float,
    text: object = "",
    active: bool = True,
    radius: float = 0.4,
    size: float = 8,
) -> Axes:
    """Draw a thread as a disc around a point; hollow if it is idle."""
    _add(
        ax,
        Circle(
            (x, y),
            radius,
            facecolor=THREAD if active else IDLE,
            edgecolor="black" if active else "0.6",
            linewidth=0.8,
        ),
    )
    _write(
        ax,
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=size,
        color="black" if active else "0.5",
    )
    return ax


def draw_cell(
    ax: Axes,
    x: float,
    y: float,
    text: object = "",
    colour: str = MEMORY,
    width: float = 1.0,
    height: float = 0.8,
    size: float = 8,
    hatch: str | None = None,
) -> Axes:
    """Draw a cell of memory with its lower left corner at a point."""
    _add(
        ax,
        Rectangle(
            (x, y),
            width,
            height,
            facecolor=colour,
            edgecolor="0.7" if hatch else "black",
            linewidth=0.6,
            hatch=hatch,
        ),
    )
    _write(
        ax,
        x + width / 2,
        y + height / 2,
        text,
        ha="center",
        va="center",
        fontsize=size,
    )
    return ax


def draw_warp(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    number: int = 0,
    text: object = "",
) -> Axes:
    """Draw a warp as a band of its colour, behind its threads."""
    _add(
        ax,
        Rectangle(
            (x, y),
            width,
            height,
            alpha=0.25,
            edgecolor="none",
            facecolor=WARPS[number % len(WARPS)],
            zorder=0,
        ),
    )
    _write(ax, x, y + height, text, ha="left", va="bottom", fontsize=8)
    return ax


def draw_barrier(
    ax: Axes, left: float, right: float, y: float, text: str = "barrier"
) -> Axes:
    """Draw a barrier as a line across."""
    ax.plot([left, right], [y, y], color=BARRIER, linewidth=2.5)
    ax.text(right, y, f" {text}", ha="left", va="center", fontsize=8)
    return ax


def frame(
    ax: Axes,
    left: float,
    right: float,
    bottom: float,
    top: float,
    equal: bool = True,
) -> Axes:
    """Set the axis limits and hide the axes."""
    ax.set(xlim=(left, right), ylim=(bottom, top))
    if equal:
        ax.set_aspect("equal")
    ax.axis("off")
    return ax
