"""Quote the line of an answer that a message is about."""

import linecache
import traceback
from types import FunctionType


def quoted(function: FunctionType, number: int | None) -> str:
    """Return a line of a function's file with its number, or "".

    Parameters
    ----------
    function : callable
        The answer, or the ``py_func`` of a kernel.
    number : int or None
    """
    if number is None:
        return ""
    text = linecache.getline(function.__code__.co_filename, number).strip()
    return f"line {number}:  {text}" if text else ""


def line_of(function: FunctionType, error: BaseException) -> int | None:
    """Return the innermost line of an error in a function's file, or None.

    Parameters
    ----------
    function : callable
    error : BaseException
        If a time limit ended the answer, its cause has the line.
    """
    for one in (error, error.__cause__):
        lines = [
            number
            for frame, number in traceback.walk_tb(
                one.__traceback__ if one else None
            )
            if frame.f_code.co_filename == function.__code__.co_filename
        ]
        if lines:
            return lines[-1]
    return None
