"""Running code that may never end, for a limited time."""

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

LOOK_S = 0.05  # between two looks at what the code does
IMPORTS_S = 120.0  # that a call's imports may take: torch, cold, takes 2 to 20
TRIES = 20  # to stop code that catches everything


class TimeIsUp(BaseException):
    """Raised inside the code that has run for too long.

    Not an Exception, so that the code's own ``except Exception`` lets it
    pass.

    Attributes
    ----------
    importing : bool
        Whether it was the imports that took too long.
    """

    importing = False


def run_limited(function: Callable[[], Any], seconds: float) -> Any:
    """Call a function on a thread of its own; return its result.

    A launch of the teaching GPU and a loop in Python end when their time is
    up. A single call into a library ends only when it returns.

    What the function imports doesn't count, and is not interrupted before
    `IMPORTS_S`: a module whose first import is cut short stays broken in this
    process.

    Parameters
    ----------
    function : callable
        Without arguments.
    seconds : float

    Raises
    ------
    TimeIsUp
        If it isn't done by then; its cause has the line where it was.
    BaseException
        What the function raised.
    """
    run = _Run(function)
    run.thread.start()
    try:
        if run.is_late(seconds):
            late = TimeIsUp(f"after {seconds:g} s")
            late.importing = run.imports_s <= 0
            run.stop()
            raise late from run.ended.get("error")
    except KeyboardInterrupt:
        if run.is_importing():  # the reader needn't wait for it
            threading.Thread(target=run.stop, daemon=True).start()
        else:
            run.stop()
        raise
    if "error" in run.ended:
        raise run.ended["error"]
    return run.ended["result"]


class _Run:
    """A function that runs on a thread, and how long its imports may take."""

    def __init__(self, function):
        self.function = function
        self.done, self.ended = threading.Event(), {}
        self.imports_s = IMPORTS_S
        self.thread = threading.Thread(target=self._target, daemon=True)

    def _target(self):
        try:
            self.ended["result"] = self.function()
        except BaseException as error:
            self.ended["error"] = error
        finally:
            self.done.set()

    def is_importing(self):
        """Whether a frame of Python's import is on the thread's stack."""
        frame = sys._current_frames().get(self.thread.ident)
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return True
            frame = frame.f_back
        return False

    def waits_for_import(self, seconds):
        """Whether it may go on since it imports; that took some seconds."""
        if self.imports_s <= 0 or not self.is_importing():
            return False
        self.imports_s -= seconds
        return True

    def is_late(self, seconds):
        """Wait until it ends; return whether its time was up before that."""
        before = time.monotonic()
        while not self.done.wait(min(LOOK_S, seconds)):
            now = time.monotonic()
            if not self.waits_for_import(now - before):
                seconds -= now - before
            if seconds <= 0:
                return True
            before = now
        return False

    def stop(self):
        """Raise `TimeIsUp` in the thread, again while it catches it."""
        tries = TRIES
        while tries and not self.done.is_set():
            if self.waits_for_import(LOOK_S):
                self.done.wait(LOOK_S)
                continue
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread.ident), ctypes.py_object(TimeIsUp)
            )
            tries -= 1
            self.done.wait(0.1)
