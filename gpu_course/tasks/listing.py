"""The names of the tasks. Importing this loads no library."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_course.tasks.task import Task

# name: (module of this room, what it trains)
NAMES = {
    "digits": ("digits", "the LeNet on MNIST (chapter 31)"),
    "shakespeare": ("shakespeare", "a transformer on plays (chapter 52)"),
    "sentiment": ("sentiment", "good or bad review (chapter 52)"),
    "translate": ("translate", "English to Chinese (chapter 52)"),
}


def task_named(name: str) -> "Task":
    """Return the task of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in NAMES:
        raise ValueError(
            f"there is no task {name!r}; the tasks are {', '.join(NAMES)}"
        )
    module = import_module(f"gpu_course.tasks.{NAMES[name][0]}")
    return module.TASKS[name]
