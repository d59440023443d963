"""Show where code spends its time, from the traces of PyTorch's profiler.

The profiler writes a trace in the format of Chrome's tracing tool, which
https://ui.perfetto.dev opens. `read_trace` turns it into spans. A span's own
time leaves out the spans inside it, so own times add up to the whole.
"""

from __future__ import annotations

import json
import os
import statistics
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_course.common.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import torch
    from matplotlib.axes import Axes

HOST = ("cpu_op", "user_annotation")
DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)


@dataclass(frozen=True)
class Span:
    """One operation in a trace.

    Attributes
    ----------
    name : str
        PyTorch's name for it, such as ``aten::mm``.
    where : {"host", "device"}
    thread : int
        A thread of the host, or a stream of a device.
    start_us, duration_us : float
        Microseconds; the trace starts at 0.
    self_us : float
        The duration minus that of the spans directly inside.
    depth : int
        The number of spans around it.
    """

    name: str
    where: str
    thread: int
    start_us: float
    duration_us: float
    self_us: float
    depth: int


def profiler() -> torch.profiler.profile:
    """Return PyTorch's profiler for the host, and for a GPU if there is one.

    Returns
    -------
    torch.profiler.profile
        Use it in a ``with`` statement.
    """
    # The profiler's library reports each start and stop on standard error,
    # unless this variable turns that off. It reads the variable on first use.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    import torch
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    return profile(activities=activities)


def read_trace(path: str | Path) -> list[Span]:
    """Return the spans of a trace, in the order in which they start.

    Parameters
    ----------
    path : path
        A file that ``profile.export_chrome_trace`` wrote.

    Raises
    ------
    ValueError
        If it isn't such a file.
    """
    try:
        events = json.loads(Path(path).read_text("utf-8"))["traceEvents"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{Path(path).name} is not a trace: expected the JSON file that "
            "export_chrome_trace writes"
        ) from None
    rows: dict[tuple[str, int], list[dict]] = {}
    for event in events:
        kind = event.get("cat")
        if event.get("ph") == "X" and kind in HOST + DEVICE:
            where = "host" if kind in HOST else "device"
            rows.setdefault((where, event["tid"]), []).append(event)
    spans = []
    for (where, thread), inside in rows.items():
        spans.extend(_nested(inside, where, thread))
    first = min((span.start_us for span in spans), default=0.0)
    shifted = (replace(span, start_us=span.start_us - first) for span in spans)
    return sorted(shifted, key=lambda span: (span.start_us, span.depth))


def _nested(events, where, thread):
    """Return the spans of one thread, with depth and own time."""
    events = sorted(events, key=lambda event: (event["ts"], -event["dur"]))
    own = [event["dur"] for event in events]
    depths, open_ = [], []
    for number, event in enumerate(events):
        while open_ and _end(events[open_[-1]]) <= event["ts"]:
            open_.pop()
        if open_:
            own[open_[-1]] -= event["dur"]
        depths.append(len(open_))
        open_.append(number)
    return [
        Span(
            event["name"],
            where,
            thread,
            event["ts"],
            event["dur"],
            self_us,
            depth,
        )
        for event, self_us, depth in zip(events, own, depths, strict=True)
    ]


def _end(event):
    return event["ts"] + event["dur"]


def self_time_us(
    spans: Iterable[Span], where: str = "host"
) -> dict[str, float]:
    """Return the own time in microseconds by name, the largest first.

    Parameters
    ----------
    spans : list of Span
    where : {"host", "device"}
    """
    total: Any = Counter()  # of floats, which its hints exclude
    for span in spans:
        if span.where == where:
            total[span.name] += span.self_us
    return dict(total.most_common())


def repetitions(spans: Sequence[Span], name: str) -> list[list[Span]]:
    """Split a trace at the spans of this name, the shortest first.

    Parameters
    ----------
    spans : list of Span
    name : str
        The name given to ``torch.profiler.record_function`` around each
        repetition.

    Returns
    -------
    list of list of Span
        The spans of each repetition: of all threads, with times from 0, and
        including the named span.

    Raises
    ------
    ValueError
        If no span has this name.
    """
    named = [span for span in spans if span.name == name]
    if not named:
        raise ValueError(
            f"no span is called {name!r}: put what is repeated into "
            f"record_function({name!r})"
        )
    return [
        [
            replace(span, start_us=span.start_us - one.start_us)
            for span in spans
            if 0 <= span.start_us - one.start_us < one.duration_us
        ]
        for one in sorted(named, key=lambda span: span.duration_us)
    ]


def median_own_us(
    repeated: Iterable[Sequence[Span]], where: str = "host"
) -> dict[str, float]:
    """Return the median own time in microseconds by name, largest first.

    Other work on the machine lengthens some repetitions, each in a different
    place. A median leaves that out.

    Parameters
    ----------
    repeated : list of list of Span
        As `repetitions` returns them.
    where : {"host", "device"}
    """
    each = [self_time_us(spans, where) for spans in repeated]
    names = {name for own in each for name in own}
    medians = {
        name: statistics.median(own.get(name, 0.0) for own in each)
        for name in names
    }
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def draw_timeline(
    ax: Axes, spans: Sequence[Span], names: Sequence[str] = (), depths: int = 4
) -> Axes:
    """Draw the spans as bars, one row per depth, each below its parent.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    spans : list of Span
    names : sequence of str
        Names that get a colour and a place in the legend; at most six.
    depths : int
        Rows for each thread; deeper spans are left out.
    """
    if len(names) > len(COLOURS):
        raise ValueError(
            f"names must be at most {len(COLOURS)}, got {len(names)}"
        )
    threads = sorted({(s.where != "host", s.thread) for s in spans})
    colours = dict(zip(names, COLOURS, strict=False))
    labelled, ticks = set(), {}
    for number, (device, thread) in enumerate(threads):
        where = "device" if device else "host"
        for depth in range(depths):
            row = -(number * (depths + 1) + depth)
            bars = [
                span
                for span in spans
                if (span.where, span.thread, span.depth)
                == (where, thread, depth)
            ]
            if bars and depth == 0:
                ticks[row] = where
            for name in {span.name for span in bars}:
                known = name in colours
                label = name if known and name not in labelled else None
                labelled.add(name)
                ax.broken_barh(
                    [
                        (s.start_us / 1e3, s.duration_us / 1e3)
                        for s in bars
                        if s.name == name
                    ],
                    (row - 0.42, 0.84),
                    label=label,
                    linewidth=0.3,
                    edgecolor="white",
                    facecolor=colours.get(name, "0.75"),
                )
    ax.set_yticks(list(ticks), ticks.values())
    ax.set(xlabel="milliseconds since the start")
    ax.grid(visible=False, axis="y")
    return ax


def draw_own_times(
    ax: Axes, own_us: Mapping[str, float], count: int = 5
) -> Axes:
    """Draw the largest own times as bars, the largest on top.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    own_us : dict of str to float
        As `self_time_us` returns them.
    count : int
    """
    names = list(own_us)[:count]
    colours = [c for _, c in zip(names, COLOURS, strict=False)]
    ax.barh(names, [own_us[name] / 1e3 for name in names], color=colours)
    ax.invert_yaxis()
    ax.set_xlabel("own time (ms)")
    return ax
