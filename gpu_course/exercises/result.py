"""What a check found: passed, or what is wrong and where."""

import difflib
from dataclasses import dataclass
from html import escape

import numpy as np

RIGHT, WRONG = "#009E73", "#D55E00"  # Okabe and Ito's green and vermilion
SHOWN = 8  # elements of an array


@dataclass(frozen=True)
class Result:
    """The result of a check.

    Attributes
    ----------
    name : str
        The exercise's.
    passed : bool
    diagnosis : str or None
        What is wrong, in sentences; None if nothing is.
    kind : str or None
        The name of it: a kind of finding such as ``race``, a known mistake
        such as ``off_by_one``, or ``wrong_result``.
    details : tuple of (str, str)
        Such as ("expected", "[2. 3.]"), for the smallest failing input.
    source : str
        The line of the answer that it is about, if there is one.
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
        parts = [f"<b>{'✓' if self.passed else '✗'} {escape(self._title())}"
                 "</b>"]  # fmt: skip
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


def unknown(name, names):
    """Return the result for a name that is no exercise's."""
    near = difflib.get_close_matches(str(name), names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return Result(
        str(name), False, f"There is no exercise {name!r}.{hint}",
        "unknown_exercise", (("exercises", ", ".join(names)),),
    )  # fmt: skip


def shown(value):
    """Return a value in a few words: an array's shape, type and beginning."""
    if not isinstance(value, np.ndarray):
        if isinstance(value, np.generic):
            return f"{value.dtype}({value!s})"
        return repr(value)
    start = np.array2string(
        value.ravel()[:SHOWN], separator=", ", max_line_width=200, precision=6
    )
    if value.ndim == 1 and value.size <= SHOWN:
        return f"{start} {value.dtype}"
    shape = "×".join(map(str, value.shape))
    if value.size <= SHOWN:
        return f"{start} {value.dtype}, shape {shape}"
    return f"{start[:-1]}, …] {value.dtype}, shape {shape}"


def shape(value):
    """Return shape and type of an array, and any other value as `shown`."""
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
        return (f"<b>{escape(self.title)}</b>"
                f"<{tag}>{escape(self.body)}</{tag}>")  # fmt: skip
