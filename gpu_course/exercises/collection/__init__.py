"""The exercises: a folder for each chapter, a module for each exercise.

`exercise.exercise_of` reads an exercise from its module. Every module in a
chapter's folder is an exercise, so there is no list to maintain.
"""

from importlib import import_module
from pathlib import Path

from gpu_course.exercises.checking.exercise import exercise_of


def _all():
    """Return every exercise, in the order of the course."""
    paths = Path(__file__).parent.glob("ch*/[!_]*.py")
    modules = [
        import_module(f"{__name__}.{path.parent.name}.{path.stem}")
        for path in paths
    ]
    modules.sort(key=lambda module: (module.__package__, module.PLACE))
    return tuple(map(exercise_of, modules))


EXERCISES = _all()
