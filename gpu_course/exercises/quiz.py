"""The quiz at the end of a chapter, with feedback on each wrong answer.

The questions are in ``quizzes/CHAPTER.json``. Answers are stored in the same
file as the exercises' progress.
"""

import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

import traitlets

from gpu_course.widgets.base import CourseWidget, page_side

FOLDER = Path(__file__).parent / "quizzes"


def chapters() -> list[str]:
    """Return the chapters that have a quiz, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def questions(chapter: str) -> list[dict[str, Any]]:
    """Return the questions of a chapter, with answers in display order.

    The order depends only on the texts. So it is the same each time and
    doesn't give the right answer away.

    Parameters
    ----------
    chapter : str
        The notebook's name without its ending.

    Returns
    -------
    list of dict
        ``question`` and ``answers``; each answer has ``answer``, ``correct``
        and ``feedback``.

    Raises
    ------
    ValueError
        If the chapter has no quiz.
    """
    if chapter not in chapters():
        known = ", ".join(chapters())
        raise ValueError(f"no quiz for {chapter!r}; there are {known}")
    text = (FOLDER / f"{chapter}.json").read_text(encoding="utf-8")
    return [
        {**asked, "answers": _shuffled(**asked)} for asked in json.loads(text)
    ]


def _shuffled(question, answers):
    def place(answer):
        text = question + answer["answer"]
        return hashlib.sha256(text.encode()).digest()

    return sorted(answers, key=place)


class Quiz(CourseWidget):
    """The questions of a chapter, with feedback on each answer.

    Parameters
    ----------
    chapter : str
        The notebook's name without its ending.

    Attributes
    ----------
    questions : list of dict
        As `questions` returns them.
    tried : list of list of int
        For each question, the positions of the answers tried so far.
    """

    _esm = page_side("quiz")
    questions: traitlets.List = traitlets.List().tag(sync=True)
    tried: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(self, chapter):
        self.chapter = chapter
        asked = questions(chapter)
        super().__init__(questions=asked, tried=[[] for _ in asked])
        self.observe(self._note, "tried")

    def _note(self, change):
        from gpu_course.exercises.passed import note_answer

        for asked, choices in zip(self.questions, change["new"], strict=True):
            for choice in choices:
                right = asked["answers"][choice]["correct"]
                note_answer(self.chapter, asked["question"], right)

    def __repr__(self):
        return (
            f"{len(self.questions)} questions: run this cell in a notebook "
            "to answer them"
        )

    def as_html(self) -> str:
        """Return HTML in which each answer opens to show its feedback."""
        rows = "\n".join(map(_question_html, self.questions))
        return f"<ol>\n{rows}\n</ol>"


def _question_html(asked):
    answers = "\n".join(
        f"<details><summary>{escape(answer['answer'])}</summary>\n"
        f"{'✓' if answer['correct'] else '✗ Wrong.'} "
        f"{escape(answer['feedback'])}</details>"
        for answer in asked["answers"]
    )
    return f"<li><p>{escape(asked['question'])}</p>\n{answers}\n</li>"


def show_quiz(chapter: str) -> Quiz:
    """Return the quiz of a chapter, for the last line of a cell.

    Each answer says why it is right or wrong.
    """
    return Quiz(chapter)
