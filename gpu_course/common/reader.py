"""Shorten a notebook's errors to the reader's own lines.

Python's own traceback stays complete. ``%xmode Verbose`` and ``%tb`` show
IPython's complete traceback.
"""

import functools
import linecache
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import gpu_course

OURS = str(Path(gpu_course.__file__).parent)
LIBRARIES = tuple(
    sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")
)
MEANT = (
    KeyboardInterrupt,
    AssertionError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
ENTERED: set[types.CodeType] = set()  # the code of each entrance
F = TypeVar("F", bound=Callable[..., Any])


def _shell():
    """Return IPython's shell, or None outside IPython."""
    ipython = sys.modules.get("IPython")
    return ipython and ipython.get_ipython()


def place(filename: str, line: int) -> str:
    """Return the location of a line, and its text.

    Parameters
    ----------
    filename : str
        The name of a file. A notebook's cell has a temporary file name, which
        tells a reader nothing, so IPython's name for the cell replaces it.
    line : int

    Returns
    -------
    str
        Such as ``cell In[3], line 5: y[i] = x[i]``.
    """
    shell, where = _shell(), filename
    if shell:
        label = shell.compile.format_code_name(filename)
        where = f"cell {label[1]}" if label else filename
    text = linecache.getline(filename, line).strip()
    return f"{where}, line {line}" + (f": {text}" if text else "")


def entrance(function: F) -> F:
    """Decorate a function that readers call, so that its errors are short.

    A notebook shows an interrupt, or an error meant for the reader, with its
    message and the line that made the call. Any other error is a fault of the
    course and needs its complete traceback.
    """

    @functools.wraps(function)
    def entered(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except MEANT as error:
            # IPython asks an exception for this method.
            error._render_traceback_ = functools.partial(_rendered, error)
            raise

    ENTERED.add(entered.__code__)  # type: ignore[attr-defined]
    return cast(F, entered)


def _rendered(error):
    """Return the lines of IPython's traceback for the reader's frames only."""
    formatter = _shell().InteractiveTB
    chain = error.__cause__, error.__context__, error.__suppress_context__
    own = _own_frames(error.__traceback__)
    if own is None or formatter.mode in ("Verbose", "Docs"):
        return formatter.structured_traceback(
            type(error), error, error.__traceback__
        )
    error.__cause__ = error.__context__ = None  # from the course's code
    try:
        return formatter.structured_traceback(
            type(error), error, own, tb_offset=0
        )
    finally:
        error.__cause__, error.__context__, error.__suppress_context__ = chain


def _own_frames(trace):
    """Return a traceback of the reader's frames before the entrance."""
    kept = []
    while trace is not None and trace.tb_frame.f_code not in ENTERED:
        if not trace.tb_frame.f_code.co_filename.startswith(
            (OURS, *LIBRARIES)
        ):
            kept.append(trace)
        trace = trace.tb_next
    own = None
    for one in reversed(kept):
        own = types.TracebackType(
            own, one.tb_frame, one.tb_lasti, one.tb_lineno
        )
    return own
