"""The functions that notebooks call: ``check``, ``hint``, ``solution``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpu_course.common.printed import first_lines
from gpu_course.common.reader import entrance
from gpu_course.exercises import passed, quiz
from gpu_course.exercises.checking.asked import MISSING, not_a_name, unfit
from gpu_course.exercises.checking.functions import check_function
from gpu_course.exercises.checking.kernels import check_kernel
from gpu_course.exercises.checking.result import Result, Text, said
from gpu_course.exercises.collection import EXERCISES

if TYPE_CHECKING:
    from gpu_course.exercises.checking.exercise import Exercise


LINES = 50  # of an answer's output that a check shows

_hinted: dict[str, int] = {}  # name -> number of hints given


def catalogue() -> tuple[Exercise, ...]:
    """Return every exercise, in the order of the course.

    Returns
    -------
    tuple of Exercise
    """
    return EXERCISES


def find(name: Any) -> Exercise | None:
    """Return the exercise with this name, or None."""
    return next(
        (e for e in EXERCISES if isinstance(name, str) and e.name == name),
        None,
    )


def _not_a_name(call, name, answer=MISSING):
    return not_a_name(call, name, answer, [e.name for e in EXERCISES])


@entrance
def check(name: Any = MISSING, answer: Any = MISSING) -> Result:
    """Check an answer on hidden inputs; say what is wrong and where.

    Whatever the answer does, this never raises and never changes the
    reader's arrays. It ends even if the answer doesn't.

    Parameters
    ----------
    name : str
        The exercise's name.
    answer : object
        The reader's kernel or function.

    Returns
    -------
    Result
        With ``passed`` and ``diagnosis``.
    """
    exercise = find(name)
    if exercise is None:
        return _not_a_name("check", name, answer)
    problem = unfit(exercise, answer)
    if problem:
        return Result(name, False, *problem)
    try:
        run = check_kernel if exercise.is_kernel else check_function
        with first_lines(
            LINES,
            f"a check runs all the hidden inputs, and shows {LINES} lines.",
        ):
            result = run(exercise, answer)
    except Exception as error:  # don't blame the reader for a faulty check
        return Result(
            name,
            False,
            "The check itself failed; your answer is not to blame: "
            f"{said(error)}",
            "check_failed",
        )
    if result.passed:
        passed.note_passed(name)
    return result


@entrance
def hint(name: Any = MISSING) -> Text | Result:
    """Return the next hint: a nudge, a direction, then almost the solution."""
    exercise = find(name)
    if exercise is None:
        return _not_a_name("hint", name)
    given = min(_hinted.get(name, 0) + 1, len(exercise.hints))
    _hinted[name] = given
    return Text(
        f"Hint {given} of {len(exercise.hints)}", exercise.hints[given - 1]
    )


@entrance
def solution(name: Any = MISSING) -> Text | Result:
    """Return the solution as source text."""
    exercise = find(name)
    if exercise is None:
        return _not_a_name("solution", name)
    return Text(f"{name}: a solution", exercise.solution, code=True)


def show_progress() -> passed.Progress:
    """Return the exercises passed and questions answered, by chapter.

    Returns
    -------
    progress.Progress
    """
    asked = {
        chapter: [q["question"] for q in quiz.questions(chapter)]
        for chapter in quiz.chapters()
    }
    return passed.progress_in(EXERCISES, asked)
