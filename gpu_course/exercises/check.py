"""What a notebook calls: ``check``, ``hint``, ``solution`` and the others."""

from gpu_course import quiz
from gpu_course.exercises import progress
from gpu_course.exercises.collection import EXERCISES
from gpu_course.exercises.functions import check_function
from gpu_course.exercises.kernels import check_kernel
from gpu_course.exercises.result import Result, Text, unknown

_hinted = {}  # name to how many hints were given


def catalogue():
    """Return every exercise, in the order of the course.

    Returns
    -------
    tuple of Exercise
    """
    return EXERCISES


def find(name):
    """Return an exercise by its name, None if there is none."""
    return next((e for e in EXERCISES if e.name == name), None)


def check(name, answer):
    """Check an answer on hidden inputs; say what is wrong and where.

    It never raises for what the answer does, never changes the reader's
    arrays, and ends even if the answer doesn't.

    Parameters
    ----------
    name : str
        The exercise's.
    answer : object
        The reader's kernel or function.

    Returns
    -------
    Result
        With ``passed`` and ``diagnosis``.
    """
    exercise = find(name)
    if exercise is None:
        return unknown(name, [e.name for e in EXERCISES])
    try:
        run = check_kernel if exercise.is_kernel else check_function
        result = run(exercise, answer)
    except Exception as error:  # a fault of the check must not pass as theirs
        return Result(
            name, False, "The check itself failed, which is no fault of the "
            f"answer's: {type(error).__name__}: {error}", "check_failed",
        )  # fmt: skip
    if result.passed:
        progress.note_passed(name)
    return result


def hint(name):
    """Return the next hint: a nudge, a direction, nearly the solution."""
    exercise = find(name)
    if exercise is None:
        return unknown(name, [e.name for e in EXERCISES])
    given = min(_hinted.get(name, 0) + 1, len(exercise.hints))
    _hinted[name] = given
    return Text(f"Hint {given} of {len(exercise.hints)}",
                exercise.hints[given - 1])  # fmt: skip


def solution(name):
    """Return the solution as source text."""
    exercise = find(name)
    if exercise is None:
        return unknown(name, [e.name for e in EXERCISES])
    return Text(f"{name}: a solution", exercise.solution, code=True)


def show_progress():
    """Return what was passed and answered, chapter by chapter.

    Returns
    -------
    progress.Progress
    """
    asked = {
        chapter: [q["question"] for q in quiz.questions(chapter)]
        for chapter in quiz.chapters()
    }
    return progress.progress_in(EXERCISES, asked)
