"""What code prints, cut after as many lines as a notebook can bear.

A line that each thread of a launch prints is a hundred thousand lines. They
cost a second to send and many more to draw, and the notebook keeps them.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

LINE = 200  # characters that a line has at most, on average


class _Shown:
    """What is left to be shown of a few lines, and what was cut.

    Several threads may write; then the counts are nearly right. A lock would
    stay locked where a thread is stopped inside.
    """

    def __init__(self, lines):
        self.lines, self.characters = lines, lines * LINE
        self.cut_lines = self.cut_characters = 0
        self.is_open = False  # what was cut ended inside a line

    def part(self, text):
        """Return the beginning of a text that is still to be shown."""
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
    """A stream that passes on what is to be shown, and all but `write`."""

    def __init__(self, stream, shown):
        self._stream, self._shown = stream, shown
        self._ends = True  # what was passed on ends with a line's end

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
    """Cut what is printed inside, on both streams and from any thread.

    Inside another one it does nothing: the outer one cuts.

    Parameters
    ----------
    count : int
        Lines that are shown.
    why : str
        Ends the line that says how many were cut, after a colon.
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
