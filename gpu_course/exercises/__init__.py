"""Exercises with checks: ``check``, ``hint``, ``solution``, ``catalogue``."""

from gpu_course.exercises.check import (
    catalogue,
    check,
    hint,
    show_progress,
    solution,
)

__all__ = ["catalogue", "check", "hint", "show_progress", "solution"]
