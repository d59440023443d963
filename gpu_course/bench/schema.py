"""What a ledger's file has to hold, and the messages if it doesn't."""

import datetime
from typing import Any

SCHEMA = 1
NUMBERS = (int, float)
MACHINE = {
    "cpu": (str,),
    "cores": (int,),
    "threads": (int,),
    "memory_gib": NUMBERS,
    "system": (str,),
    "python": (str,),
    "torch": (str,),
    "numba": (str,),
    "numpy": (str,),
    "gpu": (str, None),
    "driver": (str, None),
    "compute_capability": (str, None),
}


TYPES = {
    "bench": (str,),
    "size": (int,),
    "size_is": (str,),
    "device": (str,),
    "threads": (int, None),
    "transfers": (str,),
    "median_s": NUMBERS,
    "iqr_s": NUMBERS,
    "repeats": (int,),
    "precision": (*NUMBERS, None),
    "flops": (*NUMBERS, None),
    "bytes": (*NUMBERS, None),
    "load": (*NUMBERS, None),
    "kind": (str,),
}
CHOICES = {
    "device": ("cpu", "cuda", "mps"),
    "transfers": ("none", "in", "in and out"),
    "kind": ("measured",),
}
LARGEST = 1e300
POSITIVE = ("size", "threads", "median_s", "repeats", "cores", "memory_gib")


class LedgerError(ValueError):
    """A ledger can't be used; the message says why and what to do."""


def check(content: Any) -> None:
    """Raise an error unless the content of a file is a ledger's.

    Unknown keys are allowed.

    Raises
    ------
    LedgerError
        The message says what was found and what to do.
    """
    if not isinstance(content, dict) or "schema" not in content:
        raise LedgerError(
            "it is not a gpu-course ledger; 'gpu-course bench' writes one"
        )
    schema = content["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise LedgerError(
            f"schema must be a whole number, got {schema!r}; get it again"
        )
    if schema > SCHEMA:
        raise LedgerError(
            f"it has schema {schema} and this course knows up to {SCHEMA}; "
            "get the newest course"
        )
    if schema < SCHEMA:
        raise LedgerError(
            f"it has schema {schema}, of an older course, and this one reads "
            f"{SCHEMA}; measure it again with 'gpu-course bench'"
        )
    _check_keys(content, {"date", "machine", "entries"}, "the ledger")
    try:
        datetime.date.fromisoformat(content["date"])
    except (TypeError, ValueError):
        raise LedgerError(
            f"date must be like 2026-11-25, got {content['date']!r}"
        ) from None
    machine, entries = content["machine"], content["entries"]
    _check(machine, MACHINE, "machine")
    if not isinstance(entries, list) or not entries:
        raise LedgerError("it has no entries; measure it again")
    for number, entry in enumerate(entries, 1):
        _check(entry, TYPES, f"entry {number}")
        for key, allowed in CHOICES.items():
            if entry[key] not in allowed:
                raise LedgerError(
                    f"entry {number}: {key} must be one of "
                    f"{', '.join(allowed)}, got {entry[key]!r}; get the "
                    "newest course"
                )
        if entry["device"] == "cpu" and entry["threads"] is None:
            raise LedgerError(
                f"entry {number}: a time on a CPU needs its threads, got "
                "none; measure it again with 'gpu-course bench'"
            )


def _check_keys(found, keys, where):
    if not isinstance(found, dict):
        raise LedgerError(
            f"{where} must be an object, got {type(found).__name__}; get it "
            "again"
        )
    missing = sorted(set(keys) - set(found))
    if missing:
        raise LedgerError(
            f"{where} lacks {', '.join(missing)}; get it again, or measure "
            "it again with 'gpu-course bench'"
        )


def _check(found, types, where):
    """Raise an error unless each value has its type and a possible number."""
    _check_keys(found, types, where)
    for key, allowed in types.items():
        value = found[key]
        plain = tuple(kind for kind in allowed if kind is not None)
        right = isinstance(value, plain) and not isinstance(value, bool)
        if value is None:
            right = None in allowed
        elif right and not isinstance(value, str):
            low = value > 0 if key in POSITIVE else value >= 0
            right = low and value < LARGEST  # NaN fails this
        if not right:
            raise LedgerError(
                f"{where}: {key} can't be {value!r}; get it again, or "
                "measure it again with 'gpu-course bench'"
            )
