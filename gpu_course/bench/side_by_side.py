"""Ledgers side by side: ratios as text, times as a figure."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpu_course.bench.ledger import differences, other_machine
from gpu_course.bench.schema import LedgerError
from gpu_course.common.drawing import BLUE, GREEN, ORANGE, PURPLE, VERMILION
from gpu_course.timing.timed import duration

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from gpu_course.bench.ledger import Ledger


ALIKE = 0.1  # smaller differences between runs of different days don't count
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, "black")
GPU_LINE, GPU_COPIES, CPU_ONE, CPU_ALL = "-", "--", ":", "-."


def common_keys(ledgers: Sequence[Ledger]) -> list[tuple[str, int, str]]:
    """Return the keys of `Ledger.by_key` that two or more share, in order.

    Raises
    ------
    LedgerError
        If there are fewer than two ledgers, or they have nothing in common.
    """
    if len(ledgers) < 2:
        raise LedgerError(
            f"two ledgers or more are needed to compare, got {len(ledgers)}"
        )
    tables = [ledger.by_key() for ledger in ledgers]
    keys = dict.fromkeys(key for table in tables for key in table)
    common = [key for key in keys if sum(key in t for t in tables) > 1]
    if not common:
        raise LedgerError(
            "the ledgers have no measurement in common; measure them with "
            "the same course, 'gpu-course bench'"
        )
    return sorted(common, key=lambda key: _order(key, list(keys)))


def ratio_table(ledgers: Sequence[Ledger]) -> str:
    """Return a table of ratios to the first ledger, and the differences.

    A ratio above 1 is faster than the first. The ledgers weren't measured in
    turn, so differences up to 10 %, or within the spread of both, don't count.

    Returns
    -------
    str
    """
    keys, tables = common_keys(ledgers), [one.by_key() for one in ledgers]
    names = unique_names(ledgers)
    lines = _machines(ledgers, names)
    lines.append(
        f"{'bench':<15}{'size':>12}  {'how':<27}"
        + "".join(f"{_short(name):>20}" for name in names)
        + "  faster"
    )
    for key in keys:
        bench, size, way = key
        entries = [table.get(key) for table in tables]
        first = entries[0]
        cells = [
            f"{_cell(entry, first if number else None):>20}"
            for number, entry in enumerate(entries)
        ]
        lines.append(
            f"{bench:<15}{size:>12,}  {way:<27}"
            + "".join(cells)
            + f"  {_fastest(entries, names)}"
        )
    lines.append(
        f"times over: how many times as fast as {names[0]}. All measured; not "
        f"in turn, so differences up to {ALIKE:.0%} are called none (=)."
    )
    return "\n".join(lines)


def unique_names(ledgers: Sequence[Ledger]) -> list[str]:
    """Return the names, numbered where two are the same."""
    names = [ledger.name for ledger in ledgers]
    return [
        f"{name} ({number})" if names.count(name) > 1 else name
        for number, name in enumerate(names, 1)
    ]


def plot_ledgers(
    ledgers: Sequence[Ledger], figure: Figure | None = None
) -> Figure:
    """Draw time against size for each bench: a colour for each ledger.

    Parameters
    ----------
    ledgers : sequence of Ledger
        At most six.
    figure : matplotlib.figure.Figure, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    LedgerError
        If there are no ledgers, or more ledgers than colours.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    if not 1 <= len(ledgers) <= len(COLOURS):
        raise LedgerError(
            f"a figure takes 1 to {len(COLOURS)} ledgers, got {len(ledgers)}"
        )
    benches = list(
        dict.fromkeys(e.bench for one in ledgers for e in one.entries)
    )
    columns = min(3, len(benches))
    rows = math.ceil(len(benches) / columns)
    if figure is None:
        figure = Figure(figsize=(3.5 * columns, 2.6 * rows + 1.2), dpi=110)
    figure.set_layout_engine("constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    styles: dict[str, Any] = {}
    for ax, bench in zip(axes, benches, strict=False):
        _plot_bench(ax, ledgers, bench, styles)
    for ax in axes[len(benches) :]:
        ax.set_axis_off()
    handles = [
        Line2D([], [], color=colour, linewidth=2, label=name)
        for name, colour in zip(unique_names(ledgers), COLOURS, strict=False)
    ]
    handles += [
        Line2D([], [], color="0.3", linestyle=style, marker=".", label=way)
        for way, style in styles.items()
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
    )
    figure.suptitle("Seconds for one call, measured", x=0.01, ha="left")
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    from gpu_course.common.files import write_atomically

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def _plot_bench(ax, ledgers, bench, styles):
    size_is = "size"
    for ledger, colour in zip(ledgers, COLOURS, strict=False):
        lines = {}
        for entry in ledger.entries:
            if entry.bench == bench:
                way = ledger.way(entry)
                lines.setdefault(way, []).append((entry.size, entry.median_s))
                size_is = entry.size_is
                styles.setdefault(way, _style(entry, way))
        for way, points in lines.items():
            ax.plot(
                *zip(*sorted(points), strict=True),
                styles[way],
                color=colour,
                marker=".",
            )
    ax.set(xscale="log", yscale="log", xlabel=size_is, ylabel="seconds")
    ax.set_title(bench, loc="left", fontsize=11)
    ax.grid(alpha=0.3)
    ax.spines[["right", "top"]].set_visible(False)


def _style(entry, way):
    if entry.device == "cpu":
        return CPU_ALL if way.endswith("all threads") else CPU_ONE
    return GPU_LINE if entry.transfers == "none" else GPU_COPIES


def _order(key, keys):
    """Return a sort key: bench by first appearance, then size, then way."""
    benches = list(dict.fromkeys(bench for bench, _, _ in keys))
    return benches.index(key[0]), key[1], keys.index(key)


def _machines(ledgers, names):
    lines = []
    for ledger, name in zip(ledgers, names, strict=True):
        machine = ledger.machine
        gpu = machine["gpu"] or "no GPU"
        lines.append(
            f"{name}: {machine['cpu']}, {machine['cores']} cores, {gpu}, "
            f"torch {machine['torch']}, measured {ledger.date}"
        )
    for ledger, name in zip(ledgers[1:], names[1:], strict=True):
        differ = differences(ledgers[0], ledger)
        which = (
            "another machine"
            if other_machine(ledgers[0], ledger)
            else ("the same kind of machine")
        )
        lines.append(
            f"{names[0]} | {name}: {which}"
            + (f" ({'; '.join(differ)})" if differ else "")
        )
    return [*lines, ""]


def _cell(entry, first):
    if entry is None:
        return "-"
    text = duration(entry.median_s)
    if first is None:
        return text
    return f"{text} {first.median_s / entry.median_s:>6.3g}×"


def _fastest(entries, names):
    """Return the name of the ledger that is clearly the fastest, or "="."""
    there = [(e, n) for e, n in zip(entries, names, strict=True) if e]
    if len(there) < 2:
        return ""
    (best, name), (second, _) = sorted(
        there, key=lambda pair: pair[0].median_s
    )[:2]
    spread = (best.iqr_s + second.iqr_s) / 2
    gap = second.median_s - best.median_s
    return name if gap > max(ALIKE * best.median_s, spread) else "="


def _short(name):
    return name if len(name) < 19 else name[:17] + "…"
