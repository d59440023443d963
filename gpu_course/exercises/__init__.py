"""Exercises with checks, and quizzes: ``check``, ``hint``, ``solution``.

The exercises are in `collection`, how they are checked in `checking`, the
questions in ``quizzes/``. Imports: common, cuda, hardware, timing, widgets.
"""

from gpu_course.exercises.check import (
    catalogue,
    check,
    hint,
    show_progress,
    solution,
)

__all__ = ["catalogue", "check", "hint", "show_progress", "solution"]
