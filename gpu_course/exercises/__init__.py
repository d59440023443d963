"""Exercises with checks, and quizzes: ``check``, ``hint``, ``solution``.

`collection` holds the exercises, `checking` the checks, and ``quizzes/`` the
questions. Imports: common, cuda, hardware, timing, widgets.
"""

from gpu_course.exercises.check import (
    catalogue,
    check,
    hint,
    show_progress,
    solution,
)

__all__ = ["catalogue", "check", "hint", "show_progress", "solution"]
