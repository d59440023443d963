"""The sectors of memory that one request of a warp touches."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from gpu_course import cuda
from gpu_course.common.drawing import (
    FAULT,
    MEMORY,
    draw_cell,
    draw_thread,
    frame,
)
from gpu_course.cuda.analysis import SECTOR_BYTES
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LANES = 32
DTYPES = {1: np.uint8, 4: np.float32, 8: np.float64}


@cuda.jit
def read_strided(x, stride, offset, out):
    """Each lane reads one element; the elements are ``stride`` apart."""
    lane = cuda.threadIdx.x
    out[lane] = x[offset + stride * lane]


def traced_request(
    stride: int = 1, offset: int = 0, itemsize: int = 4
) -> tuple[int, float]:
    """Trace one warp that does a strided read.

    Parameters
    ----------
    stride, offset : int
        In elements.
    itemsize : int
        Bytes of an element: 1, 4 or 8.

    Returns
    -------
    sectors : int
    efficiency : float
        Bytes that the lanes request over bytes of the sectors. Each lane
        counts, so a broadcast would exceed 1; the value is capped at 1.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    if itemsize not in DTYPES or not 0 <= stride <= 64 or offset < 0:
        raise ValueError(
            "stride must be 0 to 64, offset at least 0 and itemsize one of "
            f"{list(DTYPES)}, got {stride}, {offset} and {itemsize}"
        )
    x = np.zeros(offset + stride * LANES + 1, DTYPES[itemsize])
    out = np.zeros(LANES, x.dtype)
    report = read_strided.trace[1, LANES](x, stride, offset, out)
    load = next(
        s for s in report.record.sites if s.kind == "load" and s.array == "x"
    )
    whole = report.lines[load.line]  # load and store in one line
    stored = LANES * itemsize // SECTOR_BYTES
    sectors = whole.global_sectors - stored
    return sectors, min(1.0, LANES * itemsize / (sectors * SECTOR_BYTES))


def draw_coalescing(
    ax: "Axes", stride: int = 1, offset: int = 0, itemsize: int = 4
) -> "Axes":
    """Draw a warp's lanes above the sectors that their loads touch.

    In a touched sector, bytes that no lane reads are hatched.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    stride, offset : int
        In elements.
    itemsize : int
        Bytes of an element: 1, 4 or 8.
    """
    sectors, efficiency = traced_request(stride, offset, itemsize)
    first = (offset + np.arange(LANES) * stride) * itemsize
    touched = {int(b) // SECTOR_BYTES for b in first}
    count = max(8, max(touched) + 1)
    width = 34 / count
    for sector in range(count):
        used = sector in touched
        draw_cell(
            ax, sector * width, 0, "", MEMORY if used else "white", width, 1.0
        )
    per_byte = width / SECTOR_BYTES
    for start, end in _unwanted(first, itemsize, touched):
        ax.add_patch(
            Rectangle(
                (start * per_byte, 0),
                (end - start) * per_byte,
                1.0,
                facecolor=FAULT,
                edgecolor="0.7",
                linewidth=0,
                hatch="////",
            )
        )
    edges = np.arange(count + 1) * width
    ax.vlines(edges, 0, 1, color="black", linewidth=0.6)
    for lane, byte in enumerate(first):
        x = lane * 34 / LANES + 0.5
        at = (byte + itemsize / 2) / SECTOR_BYTES * width
        ax.plot([x, at], [4.2, 1.0], color="0.5", linewidth=0.6)
        draw_thread(ax, x, 4.7, str(lane), size=6, radius=0.48)
    ax.text(
        0,
        -0.9,
        f"sectors of {SECTOR_BYTES} bytes: those touched are "
        "filled, and hatched where no lane wants the bytes",
        fontsize=8,
    )
    ax.set_title(
        f"stride {stride}, offset {offset}, {itemsize} bytes each: {sectors} "
        f"sectors, efficiency {100 * efficiency:.1f} %",
        fontsize=10,
        loc="left",
    )
    return frame(ax, -0.5, 34.5, -1.2, 5.4)


def _unwanted(first, itemsize, touched):
    """Return the runs of unused bytes in each touched sector."""
    wanted = np.zeros((max(touched) + 1) * SECTOR_BYTES, bool)
    for byte in first:
        wanted[byte : byte + itemsize] = True
    runs = []
    for sector in sorted(touched):
        begin = sector * SECTOR_BYTES
        waste = ~wanted[begin : begin + SECTOR_BYTES]
        edges = np.flatnonzero(np.diff(waste, prepend=False, append=False))
        runs += (begin + edges.reshape(-1, 2)).tolist()
    return runs


def explore_coalescing() -> Explorer:
    """Return the picture with sliders."""
    return explorer(
        draw_coalescing,
        (8, 1.9),
        stride=slider("stride", 2, 0, 32),
        offset=slider("offset", 0, 0, 16),
        itemsize=menu("bytes an element", list(DTYPES), 4),
    )


# What neighbouring lanes read, and the distance between their elements, for a
# matrix of 32×32 elements or for records with 4 fields.
LAYOUTS = {
    "a row, matrix stored by rows": 1,
    "a column, matrix stored by rows": 32,
    "a row, matrix stored by columns": 32,
    "a column, matrix stored by columns": 1,
    "one field, array of structures": 4,
    "one field, structure of arrays": 1,
}


def draw_layout(
    ax: "Axes", lanes_read: str = "a column, matrix stored by rows"
) -> "Axes":
    """Draw the request for one way to store the data and to read it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lanes_read : str
        One of `LAYOUTS`.
    """
    if lanes_read not in LAYOUTS:
        raise ValueError(
            f"lanes_read must be one of {', '.join(LAYOUTS)}, got "
            f"{lanes_read!r}"
        )
    draw_coalescing(ax, LAYOUTS[lanes_read])
    told = ax.get_title(loc="left")
    ax.set_title(f"{lanes_read}: {told}", fontsize=9, loc="left")
    return ax


def explore_layout() -> Explorer:
    """Return the picture with a menu."""
    return explorer(
        draw_layout,
        (8, 1.9),
        lanes_read=menu("lanes read", list(LAYOUTS), list(LAYOUTS)[1]),
    )


def rehearse() -> None:
    """Launch the kernel for each size, to fix its argument types."""
    for itemsize in DTYPES:
        traced_request(itemsize=itemsize)
