"""Which exercises were passed, kept in a file of the reader's own.

The file is JSON: name of an exercise to the day it was first passed. It is a
convenience: without it, or with a damaged one, everything else works.
"""

import contextlib
import datetime
import json
import os
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

from gpu_course.files import write_atomically

VERSION = 1


def progress_file():
    """Return where progress is kept.

    The environment variable ``GPU_COURSE_DATA`` overrides the platform's
    folder for data of a user, which upgrades leave alone.
    """
    override = os.environ.get("GPU_COURSE_DATA")
    if override:
        return Path(override).expanduser() / "progress.json"
    from platformdirs import user_data_path

    return user_data_path("gpu-course", appauthor=False) / "progress.json"


def passed():
    """Return the exercises that were passed, name to day.

    Returns
    -------
    dict of str to str
        Empty if there is no file. A damaged file is set aside under another
        name, so that nothing in it is lost.
    """
    path = progress_file()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            _set_aside(path)
        return {}
    try:
        kept = json.loads(text)["passed"]
        return {str(name): str(day) for name, day in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        _set_aside(path)
        return {}


def note_passed(name):
    """Note that an exercise was passed, the first time with its day."""
    before = passed()
    if name in before:
        return
    today = datetime.date.today().isoformat()
    content = {"version": VERSION, "passed": {**before, name: today}}
    text = json.dumps(content, indent=1, sort_keys=True)
    with contextlib.suppress(OSError):  # a disk that is full or read-only
        write_atomically(progress_file(), text.encode())


def _set_aside(path):
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.stem}-damaged-{stamp}.json"))


@dataclass(frozen=True)
class Progress:
    """Which exercises of each chapter were passed.

    Attributes
    ----------
    chapters : dict of str to list of (str, str or None)
        Chapter to its exercises: name, and the day it was passed.
    """

    chapters: dict

    def __repr__(self):
        lines = []
        for chapter, exercises in self.chapters.items():
            discs = "".join("●" if day else "○" for _, day in exercises)
            lines.append(f"{chapter:<28} {discs:<8} {_count(exercises)}")
            lines += [
                f"  {name:<26} {day or 'not yet'}" for name, day in exercises
            ]
        return "\n".join(lines)

    def _repr_html_(self):
        rows = "".join(
            f"<tr><td style='text-align:left'>{escape(chapter)}</td>"
            f"<td style='text-align:left'>{_discs(exercises)}</td>"
            f"<td>{_count(exercises)}</td></tr>"
            for chapter, exercises in self.chapters.items()
        )
        return (
            "<table><tr><th style='text-align:left'>chapter</th>"
            "<th style='text-align:left'>exercises</th><th>passed</th></tr>"
            f"{rows}</table>"
        )


def _count(exercises):
    return f"{sum(day is not None for _, day in exercises)}/{len(exercises)}"


def _discs(exercises):
    return "".join(
        f"<span title='{escape(name)}: {day or 'not yet'}' "
        f"style='color:{'#009E73' if day else '#999999'}'>"
        f"{'●' if day else '○'}</span> "
        for name, day in exercises
    )


def progress_in(exercises):
    """Return the `Progress` in some exercises, in their order."""
    days, chapters = passed(), {}
    for exercise in exercises:
        row = (exercise.name, days.get(exercise.name))
        chapters.setdefault(exercise.chapter, []).append(row)
    return Progress(chapters)
