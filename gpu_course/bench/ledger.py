"""The ledger: what one machine measured, in a file that others can compare.

It is JSON and holds nothing personal: no names of people, hosts or folders,
no serial numbers.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_course.bench.schema import MACHINE, SCHEMA, TYPES, LedgerError, check

if TYPE_CHECKING:
    from gpu_course.bench.case import Case
    from gpu_course.timing.timed import Timing


CARRIED = Path(__file__).parent / "carried"
TELLING = ("cpu", "cores", "system", "gpu")  # what tells machines apart


@dataclass(frozen=True)
class Entry:
    """One measured time.

    Attributes
    ----------
    bench : str
        A name in `bench.suite.CASES`.
    size : int
    size_is : str
        What the size counts.
    device : {"cpu", "cuda", "mps"}
    threads : int or None
        Threads on the CPU.
    transfers : {"none", "in", "in and out"}
        Which copies between host and device the time includes.
    median_s, iqr_s : float
        Seconds for one call.
    repeats : int
    precision : float or None
        Half of the median's 95 % interval, as a share; None if unknown.
    flops, bytes : float or None
        For one call; None if it isn't known.
    load : float or None
        Cores that other programs kept busy meanwhile.
    kind : {"measured"}
    """

    bench: str
    size: int
    size_is: str
    device: str
    threads: int | None
    transfers: str
    median_s: float
    iqr_s: float
    repeats: int
    precision: float | None
    flops: float | None
    bytes: float | None
    load: float | None
    kind: str = "measured"


@dataclass(frozen=True)
class Ledger:
    """What one machine measured on one day.

    Attributes
    ----------
    name : str
        The file's name without its extension, for display.
    date : str
        ``2026-11-25``, in UTC.
    machine : dict
        With the keys of `MACHINE`.
    entries : tuple of Entry
    """

    name: str
    date: str
    machine: dict
    entries: tuple

    def way(self, entry: Entry) -> str:
        """Return how an entry was run, in words that machines can share.

        Such as ``cpu, 1 thread``, ``cpu, all threads``, ``cuda`` or ``cuda,
        transfers in and out``.
        """
        text = entry.device
        if entry.device == "cpu":
            many = entry.threads == self.machine["threads"] > 1
            text += ", all threads" if many else f", {entry.threads} thread"
            text += "" if many or entry.threads == 1 else "s"
        if entry.transfers != "none":
            text += f", transfers {entry.transfers}"
        return text

    def by_key(self) -> dict[tuple[str, int, str], Entry]:
        """Return entries by ``(bench, size, way)``."""
        return {(e.bench, e.size, self.way(e)): e for e in self.entries}


def entry_of(case: Case, size: int, timing: Timing, device: str) -> Entry:
    """Return the entry of a `Timing` of a `bench.case.Case`."""
    return Entry(
        case.name,
        size,
        case.size_is,
        device,
        timing.threads if device == "cpu" else None,
        timing.transfers,
        timing.median_s,
        timing.iqr_s,
        timing.repeats,
        timing.precision if math.isfinite(timing.precision) else None,
        case.flops(size),
        case.bytes(size),
        timing.load,
    )


def this_machine() -> dict[str, Any]:
    """Describe this machine: what a time depends on, and nothing else."""
    import torch

    from gpu_course.common.machine import machine_report

    report = machine_report().to_dict()
    report |= report.pop("packages")
    capability = None
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        capability = f"{properties.major}.{properties.minor}"
    report["compute_capability"] = capability
    report["memory_gib"] = round(report["memory_gib"], 1)
    return {key: report[key] for key in MACHINE}


def new_ledger(
    name: str, machine: dict[str, Any], entries: Iterable[Entry] = ()
) -> Ledger:
    """Return a ledger with today's date."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Ledger(name, today, machine, tuple(entries))


def save(ledger: Ledger, path: str | Path) -> None:
    """Write a ledger, whole or not at all."""
    from gpu_course.common.files import write_atomically

    content = {
        "schema": SCHEMA,
        "date": ledger.date,
        "machine": ledger.machine,
        "entries": [asdict(entry) for entry in ledger.entries],
    }
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path, text.encode() + b"\n")


def load(path: str | Path) -> Ledger:
    """Read a ledger.

    Raises
    ------
    LedgerError
        If the file is missing, damaged, incomplete or of another schema; the
        message says what to do.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise LedgerError(
            f"there is no ledger {path}; 'gpu-course bench --output {path}' "
            "measures one"
        ) from None
    except OSError as error:
        raise LedgerError(
            f"cannot read {path}: {error.strerror}; name a ledger's file"
        ) from None
    except (ValueError, RecursionError) as error:
        raise LedgerError(
            f"{path} is damaged ({error}); get it again, or measure it again "
            "with 'gpu-course bench'"
        ) from None
    try:
        return _ledger(path.stem, content)
    except LedgerError as error:
        raise LedgerError(f"{path}: {error}") from None


def carried() -> tuple[Ledger, ...]:
    """Return the ledgers that come with the package, sorted by name."""
    return tuple(load(path) for path in sorted(CARRIED.glob("*.json")))


def differences(one: Ledger, other: Ledger) -> list[str]:
    """Return the differences between two ledgers' machines, as text."""
    a, b = one.machine, other.machine
    return [
        f"{key}: {a[key] or 'none'} | {b[key] or 'none'}"
        for key in MACHINE
        if a[key] != b[key]
    ]


def other_machine(one: Ledger, other: Ledger) -> bool:
    """Return whether two ledgers' machines differ in more than software."""
    return any(one.machine[key] != other.machine[key] for key in TELLING)


def _ledger(name, content):
    check(content)
    machine, entries = content["machine"], content["entries"]
    # Unknown keys are left out, whatever they hold.
    return Ledger(
        name,
        content["date"],
        {key: machine[key] for key in MACHINE},
        tuple(Entry(**{key: one[key] for key in TYPES}) for one in entries),
    )
