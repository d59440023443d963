"""Options that several commands share."""

import argparse
from pathlib import Path
from typing import Any

DEVICE: dict[str, Any] = {
    "choices": ("cpu", "cuda", "mps"),
    "help": "default: a GPU that works, else the CPU",
}
JSON: dict[str, Any] = {
    "action": "store_true",
    "help": "print JSON on standard output",
}


def model_path(task: str = "digits") -> Path:
    """Return where ``train`` puts a task's trained network.

    ``predict`` looks for that of the digits.
    """
    from gpu_course.common.files import cache_folder

    return cache_folder() / "models" / f"{task}.safetensors"


def whole(text: str) -> int:
    """Parse a whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text}")
    return int(text)


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"must be a whole number above 0, got {text}"
        )
    return int(text)


def percent(text: str) -> float:
    """Parse a percentage above 0 and at most 100."""
    try:
        number: float | None = float(text)
    except ValueError:
        number = None
    if number is None or not 0 < number <= 100:
        raise argparse.ArgumentTypeError(
            f"must be a percentage from 0 to 100, got {text}"
        )
    return number
