"""Limit printed output to as many lines as a notebook can handle.

If each thread of a launch prints a line, a hundred thousand lines can result.
They take a second to send and many more to draw, and the notebook stores them.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

LINE = 200  # most characters of a line, on average


class _Shown:
    """Track the output still to be shown and the output already cut.

    If several threads write, the counts are approximate. A lock would make
    them exact, but would stay locked if a thread is stopped while it holds the
    lock.
    """

    def __init__(self, lines):
        self.lines, self.characters = lines, lines * LINE
        self.cut_lines = self.cut_characters = 0
        self.is_open = False  # the cut text ended inside a line

    def part(self, text):
        """Return the beginning of a text that may still be shown."""
        size = 0 if self.cut_characters else min(len(text), self.characters)
        end = -1
        for _ in range(self.lines):
            end = text.find("\n", end + 1, size)
            if end < 0:
                break
        else:
            size = end + 1
        part, rest = text[:size], text[size:]
        self.lines -= part.count("\n")
        self.characters -= size
        if rest:
            self.cut_characters += len(rest)
            self.cut_lines += rest.count("\n")
            self.is_open = rest[-1] != "\n"
        return part

    def rest(self):
        """Return how much was cut, in words."""
        lines = self.cut_lines + self.is_open
        if lines > 1:
            return f"{lines:,} more lines"
        return f"{self.cut_characters:,} more characters"


class _Stream:
    """A stream that passes on only the text to be shown.

    Everything except writing goes to the original stream unchanged.
    """

    def __init__(self, stream, shown):
        self._stream, self._shown = stream, shown
        self._ends = True  # the text passed on ended with a newline

    def write(self, text):
        part = self._shown.part(text)
        if part:
            self._ends = part[-1] == "\n"
            self._stream.write(part)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self._stream, name)


@contextlib.contextmanager
def first_lines(count: int, why: str) -> Iterator[None]:
    """Limit the lines printed inside, on both streams and from any thread.

    Inside another `first_lines` it does nothing: the outer one cuts.

    Parameters
    ----------
    count : int
        Number of lines to show.
    why : str
        The reason, which follows the colon in the line that says how much was
        cut.
    """
    before = sys.stdout, sys.stderr
    if None in before or any(isinstance(s, _Stream) for s in before):
        yield
        return
    shown = _Shown(count)
    streams: list[Any] = [_Stream(stream, shown) for stream in before]
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        if shown.cut_characters:
            start = "" if streams[0]._ends else "\n"
            print(f"{start}… and {shown.rest()}: {why}")
