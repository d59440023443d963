"""Which resource limits the warps that a multiprocessor can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.common.drawing import BLUE, VERMILION
from gpu_course.cuda.compiler import Resources
from gpu_course.cuda.occupancy import occupancy
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0")


def draw_occupancy(
    ax: Axes,
    threads: int = 256,
    registers: int = 32,
    shared_kb: float = 0,
    cc: str = "8.0",
) -> Axes:
    """Draw how many blocks each resource has room for.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    threads : int
        Per block.
    registers : int
        Per thread.
    shared_kb : float
        Shared memory per block, in units of 1,024 bytes.
    cc : str
        Compute capability.
    """
    used = Resources(registers, int(shared_kb * 1024), 0, 0, 0, 0)
    found = occupancy(used, threads, cc)
    rooms = found.blocks_by
    colours = [VERMILION if name == found.limit else BLUE for name in rooms]
    shown = [min(room, 36) for room in rooms.values()]
    bars = ax.barh(list(rooms), shown, color=colours)
    bars[list(rooms).index(found.limit)].set_hatch("//")
    for row, room in enumerate(rooms.values()):
        text = str(room) if room <= 36 else f"{room} →"
        ax.text(min(room, 36) + 0.4, row, text, va="center", fontsize=9)
    ax.invert_yaxis()
    ax.set(xlim=(0, 40), xlabel="blocks that there is room for, on one SM")
    ax.set_title(
        f"sm_{cc.replace('.', '')}: {found.active_blocks} blocks, "
        f"{found.active_warps} warps, occupancy {found.occupancy:.0%}, "
        f"limit: {found.limit}",
        fontsize=10,
        loc="left",
    )
    return ax


def explore_occupancy() -> Explorer:
    """Return the picture with controls."""
    return explorer(
        draw_occupancy,
        (8, 2.4),
        threads=slider("threads a block", 256, 32, 1024, 32),
        registers=slider("registers a thread", 32, 16, 255),
        shared_kb=slider("shared KiB", 0, 0, 48),
        cc=menu("compute capability", list(CAPABILITIES), "8.0"),
    )
