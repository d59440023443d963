"""Pictures of a GPU: the whole chip, and one of its multiprocessors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from gpu_course.common.drawing import MEMORY, ORANGE, THREAD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COMPUTE, CONTROL = THREAD, ORANGE
LANES = 32


def _box(ax, x, y, width, height, colour, text="", size=9):
    ax.add_patch(
        Rectangle(
            (x, y),
            width,
            height,
            facecolor=colour,
            edgecolor="black",
            linewidth=0.8,
        )
    )
    ax.text(
        x + width / 2,
        y + height / 2,
        text,
        ha="center",
        va="center",
        fontsize=size,
    )


def draw_chip(
    ax: Axes,
    sms: int,
    l2_mb: float,
    memory_gb: float,
    bandwidth_gb_s: float,
    bus_gb_s: float,
    name: str = "",
) -> Axes:
    """Draw a GPU: its multiprocessors, caches, memory and bus.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    sms : int
        Number of multiprocessors, each drawn as a small square.
    l2_mb, memory_gb, bandwidth_gb_s, bus_gb_s : float
        Sizes of L2 cache and memory, bandwidth of the memory, and bandwidth of
        the bus in one direction.
    """
    columns = 22
    rows = -(-sms // columns)
    side = 10 / columns
    height = rows * side
    ax.add_patch(
        FancyBboxPatch(
            (-0.2, -1.2),
            10.4,
            height + 1.5,
            facecolor="none",
            edgecolor="black",
            boxstyle="round,pad=0.1",
        )
    )
    for number in range(sms):
        row, column = divmod(number, columns)
        ax.add_patch(
            Rectangle(
                (column * side, height - (row + 1) * side),
                0.8 * side,
                0.8 * side,
                facecolor=COMPUTE,
                edgecolor="black",
                linewidth=0.4,
            )
        )
    ax.text(
        5,
        height + 0.55,
        f"{name}: {sms} multiprocessors",
        ha="center",
        fontsize=10,
    )
    _box(ax, 0, -1.0, 10, 0.7, MEMORY, f"L2 cache, {l2_mb:g} MB")
    _box(ax, 1.5, -3.2, 8.5, 0.8, MEMORY, f"memory, {memory_gb:g} GB")
    _arrow(ax, 6, -1.35, -2.35, f"{bandwidth_gb_s:,.0f} GB/s")
    _box(ax, -4.2, -3.2, 3.4, 0.8, "white", "host: CPU\nand its memory", 8)
    ax.annotate(
        "", (1.45, -2.8), (-0.75, -2.8), arrowprops={"arrowstyle": "<->"}
    )
    ax.text(0.35, -2.55, f"bus {bus_gb_s:.0f} GB/s", ha="center", fontsize=8)
    ax.set(xlim=(-4.4, 10.5), ylim=(-3.5, height + 1.1), aspect="equal")
    ax.axis("off")
    return ax


def _arrow(ax, x, top, bottom, text):
    ax.annotate("", (x, bottom), (x, top), arrowprops={"arrowstyle": "<->"})
    ax.text(x + 0.2, (top + bottom) / 2, text, va="center", fontsize=8)


def draw_multiprocessor(
    ax: Axes,
    registers_kb: float = 256,
    shared_kb: float = 228,
    warps: int = 64,
) -> Axes:
    """Draw one multiprocessor: four schedulers, lanes, registers, memory.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    registers_kb, shared_kb : float
        Sizes of the register file, and of the memory that the L1 cache and
        shared memory divide between them.
    warps : int
        The largest number of resident warps.
    """
    for part in range(4):
        x = part * 3.1
        _box(ax, x, 3.1, 2.8, 0.7, CONTROL, "warp scheduler", 8)
        text = f"registers\n{registers_kb / 4:g} KB"
        _box(ax, x, 2.1, 2.8, 0.9, MEMORY, text, 8)
        for lane in range(LANES):
            row, column = divmod(lane, 8)
            ax.add_patch(
                Circle(
                    (x + 0.23 + 0.335 * column, 1.75 - 0.38 * row),
                    0.14,
                    facecolor=COMPUTE,
                    edgecolor="black",
                    linewidth=0.5,
                )
            )
    _box(
        ax,
        0,
        -0.55,
        12.1,
        0.7,
        MEMORY,
        f"shared memory and L1 cache, {shared_kb:g} KB",
        9,
    )
    ax.text(
        6.05,
        4.1,
        f"one multiprocessor: up to {warps} warps of 32 "
        "threads wait here, 4 instructions start each cycle",
        ha="center",
        fontsize=9,
    )
    ax.set(xlim=(-0.2, 12.3), ylim=(-0.7, 4.5), aspect="equal")
    ax.axis("off")
    return ax
