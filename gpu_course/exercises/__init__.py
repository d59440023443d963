"""Exercises with checks: ``check``, ``hint``, ``solution``, ``catalogue``."""

from gpu_course.exercises.check import catalogue, check, hint, solution

__all__ = ["catalogue", "check", "hint", "solution"]
