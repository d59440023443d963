"""The exercises and quizzes that a reader has done, kept in a file.

The file is JSON. ``passed`` holds the name of each exercise and the day it was
first passed; ``quizzes`` holds the answered questions of each chapter. The
file is optional: if it is missing or damaged, everything else still works.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu_course.common.files import write_atomically

if TYPE_CHECKING:
    from gpu_course.exercises.checking.exercise import Exercise


NOT_YET = "not yet"
VERSION = 2  # of the file's format; 1 had no quizzes


def progress_file() -> Path:
    """Return the path of the progress file.

    By default it is in the platform's user data folder, which upgrades leave
    alone. The environment variable ``GPU_COURSE_DATA`` names another folder.
    """
    override = os.environ.get("GPU_COURSE_DATA")
    if override:
        return Path(override).expanduser() / "progress.json"
    from platformdirs import user_data_path

    return user_data_path("gpu-course", appauthor=False) / "progress.json"


def passed() -> dict[str, str]:
    """Return the exercises that were passed, as name -> day.

    Returns
    -------
    dict of str to str
        Empty if there is no file. A damaged file is renamed, so that nothing
        in it is lost.
    """
    return _read()["passed"]


def answered(chapter: str) -> dict[str, dict[str, Any]]:
    """Return the answered questions of a chapter's quiz.

    Returns
    -------
    dict of str to dict
        For each question's text: ``first_try``, whether the first answer
        was right, and ``right``, the day of the first right answer or None.
    """
    return _read()["quizzes"].get(chapter, {})


def note_passed(name: str) -> None:
    """Record that an exercise was passed, and the day of the first time."""
    content = _read()
    if name not in content["passed"]:
        content["passed"][name] = _today()
        _write(content)


def note_answer(chapter: str, question: str, right: bool) -> None:
    """Record a question's first answer and its first right answer."""
    content = _read()
    before = content["quizzes"].setdefault(chapter, {}).get(question)
    now = {"first_try": right, "right": None, **(before or {})}
    if right and not now["right"]:
        now["right"] = _today()
    if now != before:
        content["quizzes"][chapter][question] = now
        _write(content)


def _today():
    return datetime.date.today().isoformat()


def _read():
    """Return the file's content, including fields of later versions."""
    empty = {"version": VERSION, "passed": {}, "quizzes": {}}
    path = progress_file()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            **empty,
            **kept,
            "version": max(int(kept.get("version", 0)), VERSION),
            "passed": {str(k): str(v) for k, v in kept["passed"].items()},
            "quizzes": {
                chapter: {text: _entry(**told) for text, told in asked.items()}
                for chapter, asked in kept.get("quizzes", {}).items()
            },
        }
    except OSError:
        return empty
    except (ValueError, KeyError, TypeError, AttributeError):
        _set_aside(path)
        return empty


def _entry(first_try, right, **more):
    return {
        "first_try": bool(first_try),
        "right": None if right is None else str(right),
        **more,
    }


def _write(content):
    text = json.dumps(content, indent=1, sort_keys=True)
    with contextlib.suppress(OSError):  # a full or read-only disk
        write_atomically(progress_file(), text.encode())


def _set_aside(path):
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.stem}-damaged-{stamp}.json"))


@dataclass(frozen=True)
class Progress:
    """The passed exercises and answered questions of each chapter.

    Attributes
    ----------
    exercises : dict of str to list of (str, str or None)
        For each chapter its exercises: name, and the day of passing.
    quizzes : dict of str to list of (str, bool or None, str or None)
        For each chapter its questions: text, whether the first answer was
        right, and the day of the first right one. None means not yet.
    """

    exercises: dict
    quizzes: dict

    def _rows(self):
        """Return each chapter's exercises and questions, in course order."""
        for chapter in sorted({*self.exercises, *self.quizzes}):
            yield (
                chapter,
                self.exercises.get(chapter, []),
                self.quizzes.get(chapter, []),
            )

    def __repr__(self):
        lines = []
        for chapter, exercises, asked in self._rows():
            discs = "".join(_disc(day) for _, day in exercises)
            lines.append(
                f"{chapter:<28} {discs:<8} {_count(exercises):<6} "
                f"quiz {_quiz_count(asked)}".rstrip()
            )
            lines += [
                f"  {name:<26} {day or NOT_YET}" for name, day in exercises
            ]
        return "\n".join(lines)

    def _repr_html_(self):
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><td {left}>{escape(chapter)}</td>"
            f"<td {left}>{_discs(exercises, ':')}</td>"
            f"<td>{_count(exercises)}</td>"
            f"<td {left}>{_discs((text, day) for text, _, day in asked)}</td>"
            f"<td {left}>{_quiz_count(asked)}</td></tr>"
            for chapter, exercises, asked in self._rows()
        )
        return (
            f"<table><tr><th {left}>chapter</th><th {left}>exercises</th>"
            f"<th>passed</th><th {left}>quiz</th><th {left}>right</th></tr>"
            f"{rows}</table>"
        )


def _disc(done):
    return "●" if done else "○"


def _count(exercises):
    if not exercises:
        return ""
    return f"{sum(day is not None for _, day in exercises)}/{len(exercises)}"


def _quiz_count(asked):
    if not asked:
        return ""
    right = sum(day is not None for _, _, day in asked)
    first = sum(first_try is True for _, first_try, _ in asked)
    at_once = f", {first} at the first try" if right else ""
    return f"{right}/{len(asked)}{at_once}"


def _discs(done, colon=""):
    """Return HTML with one disc per pair of text and day."""
    return " ".join(
        f"<span title='{escape(f'{text}{colon} {day or NOT_YET}')}'>"
        f"{_disc(day)}</span>"
        for text, day in done
    )


def progress_in(
    exercises: Iterable[Exercise], quizzes: dict[str, list[str]]
) -> Progress:
    """Return the `Progress` for some exercises and quizzes.

    Parameters
    ----------
    exercises : iterable of Exercise
        In the order of the course.
    quizzes : dict of str to list of str
        For each chapter its questions.
    """
    kept = _read()
    passed: dict[str, list] = {}
    for exercise in exercises:
        row = (exercise.name, kept["passed"].get(exercise.name))
        passed.setdefault(exercise.chapter, []).append(row)
    nothing = {"first_try": None, "right": None}
    answers = {}
    for chapter, asked in quizzes.items():
        of_chapter = kept["quizzes"].get(chapter, {})
        answers[chapter] = [
            (text, told["first_try"], told["right"])
            for text in asked
            for told in [of_chapter.get(text, nothing)]
        ]
    return Progress(passed, answers)
