"""What a timer measures when a launch returns before its kernel ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gpu_course.common.drawing import GREEN, SKY, VERMILION, YELLOW
from gpu_course.explorers.controls import Explorer, explorer, menu, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


WAITS = ("never", "at the end", "after each launch")


@dataclass(frozen=True)
class Timeline:
    """Time spans in µs, each a pair (begin, end).

    Attributes
    ----------
    launching, waiting : list of (float, float)
        Of the host.
    computing : list of (float, float)
        Of the GPU.
    stop_us : float
        When the timer stops; it started at 0.
    """

    launching: list
    waiting: list
    computing: list
    stop_us: float


def timeline(
    launches: int, launch_us: float, kernel_us: float, waits: str
) -> Timeline:
    """Model a host that launches kernels and a GPU that runs its queue.

    Parameters
    ----------
    launches : int
    launch_us, kernel_us : float
        Time of one launch on the host, and of one kernel on the GPU.
    waits : {"never", "at the end", "after each launch"}
        When the host waits for the GPU before it stops the timer.

    Returns
    -------
    Timeline

    Raises
    ------
    ValueError
        If `waits` is invalid or `launches` isn't positive.
    """
    if waits not in WAITS:
        raise ValueError(f"waits must be one of {WAITS}, got {waits!r}")
    if launches < 1:
        raise ValueError(f"launches must be at least 1, got {launches}")
    now = free = 0.0
    launching, waiting, computing = [], [], []
    for number in range(launches):
        launching.append((now, now + launch_us))
        now += launch_us
        begin = max(now, free)
        free = begin + kernel_us
        computing.append((begin, free))
        last = number == launches - 1
        if waits == WAITS[2] or (last and waits == WAITS[1]):
            waiting.append((now, free))
            now = free
    return Timeline(launching, waiting, computing, now)


def draw_launch_queue(
    ax: Axes,
    launches: int = 3,
    launch_us: float = 5,
    kernel_us: float = 20,
    waits: str = "never",
) -> Axes:
    """Draw the host and the GPU over time, and the timer's result."""
    found = timeline(launches, launch_us, kernel_us, waits)
    for y, spans, colour in (
        (1, found.launching, SKY),
        (1, found.waiting, YELLOW),
        (0, found.computing, GREEN),
    ):
        for begin, end in spans:
            ax.barh(y, end - begin, 0.6, begin, color=colour, ec="black")
    stop = [found.stop_us] * 2
    ax.plot(stop, (-0.45, 1.5), color=VERMILION, linewidth=3)
    end = max(found.stop_us, found.computing[-1][1])
    ax.set(xlim=(0, 1.04 * end), ylim=(-0.5, 2.1), yticks=(0, 1))
    ax.set(yticklabels=("GPU", "host"), xlabel="time (µs, modelled)")
    ax.xaxis.set_major_locator(MaxNLocator(8))
    ax.grid(visible=False, axis="y")
    handles = [
        Patch(facecolor=colour, edgecolor="black", label=name)
        for colour, name in (
            (SKY, "launches"),
            (YELLOW, "waits"),
            (GREEN, "computes"),
        )
    ]
    handles.append(Patch(color=VERMILION, label="clock is read"))
    ax.legend(handles=handles, ncols=4, fontsize=8, loc="upper right")
    ax.set_title(
        f"waits {waits}: the timer says {found.stop_us:g} µs, and the GPU is "
        f"done at {found.computing[-1][1]:g} µs",
        fontsize=10,
    )
    return ax


def explore_launch_queue() -> Explorer:
    """Return the picture with controls."""
    return explorer(
        draw_launch_queue,
        (8, 2.4),
        launches=slider("launches", 3, 1, 12),
        launch_us=slider("launch (µs)", 5, 1, 40),
        kernel_us=slider("kernel (µs)", 20, 1, 100),
        waits=menu("host waits", WAITS),
    )
