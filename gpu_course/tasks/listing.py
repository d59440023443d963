"""The names of the tasks. Importing this loads no library."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_course.tasks.task import Task

# name: (module of this room, what it trains)
NAMES = {
    "digits": ("digits", "the LeNet on MNIST (chapter 31)"),
    "speech": ("speech", "spoken digits, the official split (chapter 53)"),
    "speech-speaker": (
        "speech",
        "spoken digits, each speaker in turn a stranger (chapter 53)",
    ),
    "speech-speaker-plain": (
        "speech",
        "the same, no sound changed (chapter 53)",
    ),
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
