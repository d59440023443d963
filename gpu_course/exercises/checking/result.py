"""What a check found: passed, or what is wrong and where."""

import reprlib
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

RIGHT, WRONG = "#009E73", "#D55E00"  # Okabe and Ito's green and vermilion
SHOWN = 8  # elements of an array
LONGEST = 400  # characters of a value or an error message


@dataclass(frozen=True)
class Result:
    """The result of a check.

    Attributes
    ----------
    name : str
        The exercise's name.
    passed : bool
    diagnosis : str or None
        What is wrong, in sentences; None if it passed.
    kind : str or None
        The diagnosis's name: a kind of finding such as ``race``, a known
        mistake such as ``off_by_one``, or ``wrong_result``.
    details : tuple of (str, str)
        Pairs such as ("expected", "[2. 3.]") for the smallest failing input.
    source : str
        The line of the answer that the diagnosis is about, if any.
    """

    name: str
    passed: bool
    diagnosis: str | None = None
    kind: str | None = None
    details: tuple = ()
    source: str = ""

    def _title(self):
        if self.passed:
            return f"{self.name}: passed"
        return f"{self.name}: not yet ({self.kind.replace('_', ' ')})"

    def __repr__(self):
        lines = [self._title()]
        if self.diagnosis:
            lines.append(self.diagnosis)
        if self.source:
            lines.append(f"    {self.source}")
        width = max((len(name) for name, _ in self.details), default=0)
        lines += [f"  {name:<{width}}  {text}" for name, text in self.details]
        return "\n".join(lines)

    def _repr_html_(self):
        colour = RIGHT if self.passed else WRONG
        parts = [
            f"<b>{'✓' if self.passed else '✗'} {escape(self._title())}</b>"
        ]
        if self.diagnosis:
            parts.append(f"<p>{escape(self.diagnosis)}</p>")
        if self.source:
            parts.append(f"<pre>{escape(self.source)}</pre>")
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'><code>{escape(text)}</code></td>"
            "</tr>"
            for name, text in self.details
        )
        if rows:
            parts.append(f"<table>{rows}</table>")
        return (
            f"<div style='border-left:4px solid {colour};padding-left:1em'>"
            f"{''.join(parts)}</div>"
        )


class _Short(reprlib.Repr):
    """A ``repr`` of any value that looks only at its beginning."""

    def __init__(self):
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 20
        self.maxarray = self.maxdeque = self.maxfrozenset = 20
        self.maxstring = self.maxother = LONGEST // 2

    def repr_int(self, value, level):
        digits = int(value.bit_length() * 0.30103)
        if digits > self.maxother:  # Python refuses to print very long ones
            return f"a whole number of about {digits:,} digits"
        return repr(value)

    def repr_instance(self, value, level):
        try:
            text = repr(value)
        except Exception as error:
            kind = type(value).__name__
            return f"<{kind}, whose repr raises {type(error).__name__}>"
        return cut(text)


_SHORT = _Short()


def cut(text: str) -> str:
    """Return a text, cut off if it is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def said(error: BaseException) -> str:
    """Return an exception's name and message."""
    name = type(error).__name__
    try:
        message = cut(str(error).rstrip("."))
    except Exception:  # the answer defines its class
        message = ""
    return f"{name}: {message}" if message else name


def shown(value: Any) -> str:
    """Return a value in a few words: an array's shape, type and beginning."""
    if not isinstance(value, np.ndarray):
        if isinstance(value, np.generic):
            return cut(f"{value.dtype}({value!s})")
        return cut(_SHORT.repr(value))
    start = cut(_start(value))
    if value.ndim == 1 and value.size <= SHOWN:
        return f"{start} {value.dtype}"
    shape = "×".join(map(str, value.shape))
    if value.size <= SHOWN:
        return f"{start} {value.dtype}, shape {shape}"
    return f"{start[:-1]}, …] {value.dtype}, shape {shape}"


def _start(value):
    formatter = {"object": _SHORT.repr}
    return np.array2string(
        value.ravel()[:SHOWN],
        separator=", ",
        max_line_width=200,
        precision=6,
        formatter=formatter if value.dtype.hasobject else None,
    )


def shape(value: Any) -> str:
    """Return the shape and type of an array; show any other value."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {'×'.join(map(str, value.shape))}"
    return shown(value)


@dataclass(frozen=True)
class Text:
    """A hint or a solution, shown as text or as code."""

    title: str
    body: str
    code: bool = False

    def __repr__(self):
        return f"{self.title}\n{self.body}"

    def _repr_html_(self):
        tag = "pre" if self.code else "p"
        return f"<b>{escape(self.title)}</b><{tag}>{escape(self.body)}</{tag}>"
