"""Limits that the trace of a right answer must keep, and their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpu_course.cuda.analysis import SECTOR_BYTES
from gpu_course.cuda.messages import name_thread
from gpu_course.cuda.report_plots import ACCESSES, first_request
from gpu_course.exercises.checking.events import global_events
from gpu_course.exercises.checking.exercise import Limit

if TYPE_CHECKING:
    from gpu_course.cuda.record import Record
    from gpu_course.cuda.report import Report


SHARE = 4  # times the accesses of the solution's busiest thread

NO_FLOAT64 = Limit(
    "float64",
    lambda kernel: not kernel.computes_in_float64,
    lambda kernel: (
        "The result is right, but something is computed in float64: look at "
        "each constant."
    ),
    of_kernel=True,
)


def coalesced(least: float = 0.99) -> Limit:
    """Return the limit that requests use most of the bytes they move."""
    return Limit(
        "uncoalesced",
        lambda report: report.coalescing_efficiency >= least,
        lambda report: (
            "The result is right, but only "
            f"{100 * report.coalescing_efficiency:.1f} % of the bytes moved "
            f"are used. {worst_line(report)}"
        ),
    )


def worst_line(report: Report) -> str:
    """Return a message about the line that wastes most sectors."""
    lines = {n: c for n, c in report.lines.items() if c.global_requests}
    number = min(lines, key=lambda n: lines[n].coalescing_efficiency)
    counts = lines[number]
    text = (
        f"Line {number} wastes most: {counts.global_sectors:,} sectors for "
        f"{counts.global_requests:,} requests."
    )
    if goes_down_a_column(report.record, number):
        text += (
            " Neighbouring threads are a row of the array apart there: a "
            "warp goes down a column, and each lane has a sector of its own."
        )
    return text


def goes_down_a_column(record: Record, line: int) -> bool:
    """Return whether a line's first load or store goes down a column."""
    return any(_steps_by_rows(record, line, kind) for kind in ACCESSES)


def _steps_by_rows(record, line, kind):
    try:
        _, lanes, addresses = first_request(record, line, ("global",), (kind,))
    except ValueError:  # the line has no such request to global memory
        return False
    if len(lanes) < 2:
        return False
    steps = np.diff(addresses) / np.diff(lanes)
    place = next(
        p
        for p in record.allocations
        if p.space == "global"
        and p.address <= addresses[0] < p.address + p.nbytes
    )
    row = place.strides[0]
    return (
        len(place.shape) > 1 and row >= SECTOR_BYTES and (steps == row).all()
    )


def accesses(record: Record) -> np.ndarray:
    """Return the number of global-memory accesses of each thread."""
    threads = int(np.prod(record.grid) * np.prod(record.block))
    chosen = record.thread[global_events(record)]
    return np.bincount(chosen, minlength=threads)


def work_shared(solution: Report) -> Limit:
    """Return the limit that no thread does the work of many threads.

    Parameters
    ----------
    solution : cuda.report.Report
        The solution's report of the same launch.
    """
    most = int(accesses(solution.record).max(initial=0))

    def message(report):
        counts = accesses(report.record)
        block, thread = name_thread(report.record, counts.argmax())
        return (
            f"The result is right, but thread {thread} of block {block} makes "
            f"{counts.max():,} of the {counts.sum():,} accesses to global "
            f"memory, where {most:,} are enough. Give each thread its share."
        )

    def holds(report):
        counts = accesses(report.record)
        return counts.max() <= SHARE * max(most, counts.mean())

    return Limit("work_not_shared", holds, message)
