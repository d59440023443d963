"""``gpu-course bench``: run the suite here and write the ledger."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_course.bench.case import run_case
from gpu_course.bench.ledger import entry_of, new_ledger, save, this_machine
from gpu_course.bench.suite import CASES, QUICK, TIMED
from gpu_course.common.device import try_device
from gpu_course.timing.timed import BUSY, duration

if TYPE_CHECKING:
    from gpu_course.bench.case import Case
    from gpu_course.bench.ledger import Ledger


DEFAULT = Path("gpu-course-bench.json")
AGAIN = 2  # retries of a time that comes with a warning
ROOM = 0.5  # share of the free memory that a case may take


def run_suite(
    output: str | Path = DEFAULT,
    quick: bool = False,
    devices: Sequence[str] | None = None,
    report: Callable[[str], Any] = print,
    cases: Sequence[Case] = CASES,
) -> Ledger:
    """Time every case at every size, on each device that works.

    The ledger is written after each case, so that an interrupt loses little. A
    time that comes with a warning is measured again, at most twice, and the
    shortest median is kept: other programs lengthen times and never shorten
    them.

    Parameters
    ----------
    output : path
    quick : bool
        Use fewer sizes, and less time for each.
    devices : sequence of str, optional
        Default: `working_devices`.
    report : callable
        Called with a line of text after each time.

    Returns
    -------
    Ledger

    Raises
    ------
    AssertionError
        If a result is wrong; then it isn't timed.
    """
    output, start = Path(output), time.perf_counter()
    machine, entries = this_machine(), []
    ledger = new_ledger(output.stem, machine)
    plan = [
        (case, size, *way)
        for case in cases
        for size in (case.quick_sizes if quick else case.sizes)
        for way in ways(case, devices or working_devices(), machine)
    ]
    for number, (case, size, device, threads, transfers) in enumerate(plan, 1):
        count = f"{number:>{len(str(len(plan)))}}/{len(plan)}"
        what = f"{case.name:<14} {size:>11,} {case.size_is:<8}"
        if not _fits(case, size):
            report(f"{count} {what}: left out, it needs too much memory")
            continue
        timing = _least_disturbed(
            quick, case, size, device, threads, transfers
        )
        entry = entry_of(case, size, timing, device)
        entries.append(entry)
        ledger = new_ledger(output.stem, machine, entries)
        known = (
            f" ± {100 * entry.precision:.2g} %"
            if entry.precision is not None
            else ""
        )
        report(
            f"{count} {what} {ledger.way(entry):<26}"
            f"{duration(entry.median_s):>8}{known}"
        )
        if number == len(plan) or plan[number][0] is not case:
            save(ledger, output)
    loads = [entry.load for entry in entries if entry.load is not None]
    if loads and statistics.median(loads) > BUSY:
        report(
            f"other programs kept {statistics.median(loads):.1f} cores busy: "
            "these times are too long. Close them and measure again."
        )
    took = time.perf_counter() - start
    report(f"{len(entries)} times in {took:.0f} s, written to {output}")
    return ledger


def working_devices() -> list[str]:
    """Return the devices that compute correctly on this machine."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    gpus = [name for name in there if there[name]]
    return ["cpu"] + [name for name in gpus if try_device(name) is None]


def ways(
    case: Case, devices: Iterable[str], machine: dict[str, Any]
) -> list[tuple[str, int | None, str]]:
    """Return how a case is run: a list of (device, threads, transfers)."""
    found = []
    for device in devices:
        if device == "cpu":
            for threads in sorted({1, machine["threads"]}):
                found.append((device, threads, "none"))
        else:
            found += [(device, None, copies) for copies in case.transfers]
    return found


def _least_disturbed(quick, case, *way):
    """Return the shortest timing, retried while there is a warning."""
    timing = run_case(case, *way, **(QUICK if quick else TIMED))
    for _ in range(0 if quick else AGAIN):
        if timing.warning is None:
            break
        other = run_case(case, *way, **TIMED)
        timing = min(timing, other, key=lambda one: one.median_s)
    return timing


def _fits(case, size):
    """Return whether there is room on host and device, and for the check."""
    import psutil

    need = 4 * (case.bytes(size) or 0)
    return need <= ROOM * psutil.virtual_memory().available
