"""The banks of shared memory that one request of a warp uses."""

from typing import TYPE_CHECKING

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.common.drawing import FAULT, MEMORY, draw_cell, frame
from gpu_course.cuda.analysis import BANKS
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LANES = 32
MOST_NUMBERED = 12  # turns; with more, the cells are too low for numbers
WAYS = ("row", "column", "diagonal")


@cuda.jit
def read_tile(row_step, column_step, pitch, out):
    """Each lane reads one word of a tile whose rows are ``pitch`` words."""
    tile = cuda.shared.array(0, float32)
    lane = cuda.threadIdx.x
    place = lane * row_step * pitch + lane * column_step
    tile[place] = float32(lane)
    out[lane] = tile[place]


def _steps(way):
    """Return the step in rows and columns from one lane to the next."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, got {way!r}")
    return {"row": (0, 1), "column": (1, 0), "diagonal": (1, 1)}[way]


def traced_conflict(
    way: str = "column", columns: int = 32, padding: int = 0
) -> int:
    """Trace a warp that reads a tile of 32 rows; return its conflict degree.

    Parameters
    ----------
    way : {"row", "column", "diagonal"}
        What the 32 lanes read.
    columns, padding : int
        Words in a row, and unused words after each row.
    """
    if not 1 <= columns <= 64 or not 0 <= padding <= 8:
        raise ValueError(
            "columns must be 1 to 64 and padding 0 to 8, got "
            f"{columns} and {padding}"
        )
    if way == "row" and columns < LANES:
        raise ValueError(
            f"a row of {columns} words is too short for {LANES} lanes"
        )
    pitch, out = columns + padding, np.zeros(LANES, np.float32)
    nbytes = 4 * (LANES * (pitch + 1) + 1)
    report = read_tile.trace[1, LANES, 0, nbytes](*_steps(way), pitch, out)
    return report.max_bank_conflict


def draw_banks(
    ax: "Axes", way: str = "column", columns: int = 32, padding: int = 0
) -> "Axes":
    """Draw the words that the lanes read, by bank and turn.

    A bank serves different words one after the other, and each row of the
    picture is a turn. Words that have to wait are vermilion.
    """
    degree = traced_conflict(way, columns, padding)
    rows, steps = _steps(way)
    pitch = columns + padding
    height = [0] * BANKS
    for lane in range(LANES):
        word = lane * rows * pitch + lane * steps
        bank = word % BANKS
        colour = MEMORY if height[bank] == 0 else FAULT
        text = str(lane) if degree <= MOST_NUMBERED else ""
        draw_cell(ax, bank, height[bank], text, colour, size=6)
        height[bank] += 1
    for bank in range(BANKS):
        ax.text(bank + 0.5, -0.2, str(bank), ha="center", va="top", fontsize=6)
    told = "bank; numbers in the cells are lanes"
    if degree > 1:
        told = told if degree <= MOST_NUMBERED else "bank; a cell is a word"
        told += ", and those above the first turn have to wait"
    ax.text(16, -1.0 - degree / 12, told, ha="center", va="top", fontsize=9)
    for turn in {1, degree}:
        ax.text(
            -0.4,
            turn - 0.5,
            f"turn {turn}",
            ha="right",
            va="center",
            fontsize=7,
        )
    pad = f" + {padding}" if padding else ""
    ax.set_title(
        f"a {way} of a tile with rows of {columns}{pad} words: "
        f"{degree} {'turns' if degree > 1 else 'turn'}",
        fontsize=10,
    )
    top = max(4, max(height))
    return frame(ax, -2.6, 32.3, -2 - top / 10, top + 0.3, equal=False)


def explore_banks() -> Explorer:
    """Return the picture with controls."""
    return explorer(
        draw_banks,
        (8, 2.6),
        way=menu("lanes read a", list(WAYS), "column"),
        columns=slider("columns", 32, 32, 64),
        padding=slider("padding", 0, 0, 8),
    )


def rehearse() -> None:
    """Launch the kernel, to fix its argument types."""
    traced_conflict()
