"""Which exercises were passed, kept in a file of the reader's own.

The file is JSON: name of an exercise to the day it was first passed. It is a
convenience: without it, or with a damaged one, everything else works.
"""

import contextlib
import datetime
import json
import os
import time
from pathlib import Path

from gpu_course.files import write_atomically

VERSION = 1


def progress_file():
    """Return where progress is kept.

    The environment variable ``GPU_COURSE_DATA`` overrides the platform's
    folder for data of a user, which upgrades leave alone.
    """
    override = os.environ.get("GPU_COURSE_DATA")
    if override:
        return Path(override).expanduser() / "progress.json"
    from platformdirs import user_data_path

    return user_data_path("gpu-course", appauthor=False) / "progress.json"


def passed():
    """Return the exercises that were passed, name to day.

    Returns
    -------
    dict of str to str
        Empty if there is no file. A damaged file is set aside under another
        name, so that nothing in it is lost.
    """
    path = progress_file()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            _set_aside(path)
        return {}
    try:
        kept = json.loads(text)["passed"]
        return {str(name): str(day) for name, day in kept.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        _set_aside(path)
        return {}


def note_passed(name):
    """Note that an exercise was passed, the first time with its day."""
    before = passed()
    if name in before:
        return
    today = datetime.date.today().isoformat()
    content = {"version": VERSION, "passed": {**before, name: today}}
    text = json.dumps(content, indent=1, sort_keys=True)
    with contextlib.suppress(OSError):  # a disk that is full or read-only
        write_atomically(progress_file(), text.encode())


def _set_aside(path):
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with contextlib.suppress(OSError):
        path.replace(path.with_name(f"{path.stem}-damaged-{stamp}.json"))
