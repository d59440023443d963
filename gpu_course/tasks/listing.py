"""The names of the tasks. Importing this loads no library."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpu_course.tasks.task import Task

# name: (module of this room, what it trains)
NAMES = {
    "digits": ("digits", "the LeNet on MNIST (chapter 31)"),
    "rows-rnn": ("rows", "an RNN that reads digits by rows (chapter 50)"),
    "rows-gru": ("rows", "a GRU that reads digits by rows (chapter 50)"),
    "rows-transformer": (
        "rows",
        "a small transformer that reads digits by rows (chapter 50)",
    ),
    "denoise": ("denoise", "a CNN against noise on digits (chapter 51)"),
    "detect": ("detect", "digits anywhere on a canvas (chapter 51)"),
    "verify": ("verify", "the same digit or not, unseen ones (chapter 51)"),
    "shakespeare": ("shakespeare", "a transformer on plays (chapter 52)"),
    "sentiment": ("sentiment", "good or bad review (chapter 52)"),
    "translate": ("translate", "English to Chinese (chapter 52)"),
    "speech": ("speech", "spoken digits, the official split (chapter 53)"),
    "speech-speaker": (
        "speech",
        "spoken digits, each speaker in turn a stranger (chapter 53)",
    ),
    "speech-speaker-plain": (
        "speech",
        "the same, no sound changed (chapter 53)",
    ),
    "recommend": (
        "recommend",
        "an autoencoder on web visits (chapter 54)",
    ),
    "recommend-embeddings": (
        "recommend",
        "embeddings of web visits (chapter 54)",
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
