"""Run code that may never end, for a limited time."""

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

LOOK_S = 0.05  # between two checks on the code
IMPORTS_S = 120.0  # limit of a call's imports; cold, torch takes 2 to 20 s
TRIES = 20  # attempts to stop code that catches everything


class TimeIsUp(BaseException):
    """Raised inside code that has run for too long.

    It is not an Exception, so the code's own ``except Exception`` doesn't
    catch it.

    Attributes
    ----------
    importing : bool
        Whether the imports took too long.
    """

    importing = False


def run_limited(function: Callable[[], Any], seconds: float) -> Any:
    """Call a function on a separate thread; return its result.

    Launches on the teaching GPU and Python loops end when their time is up. A
    single call into a library ends only when it returns.

    Import time doesn't count, and no import is interrupted before
    `IMPORTS_S`: if a module's first import is interrupted, the module stays
    broken in this process.

    Parameters
    ----------
    function : callable
        Without arguments.
    seconds : float

    Raises
    ------
    TimeIsUp
        If the time is up. Its cause has the line that was running.
    BaseException
        Whatever the function raised.
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
        if run.is_importing():  # don't make the reader wait for it
            threading.Thread(target=run.stop, daemon=True).start()
        else:
            run.stop()
        raise
    if "error" in run.ended:
        raise run.ended["error"]
    return run.ended["result"]


class _Run:
    """A function on a thread, and the time left for its imports."""

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
        """Return whether the thread is inside Python's import system."""
        frame = sys._current_frames().get(self.thread.ident)
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return True
            frame = frame.f_back
        return False

    def waits_for_import(self, seconds):
        """Return whether to wait for an import; charge it these seconds."""
        if self.imports_s <= 0 or not self.is_importing():
            return False
        self.imports_s -= seconds
        return True

    def is_late(self, seconds):
        """Wait for the end; return whether the time was up first."""
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
        """Raise `TimeIsUp` in the thread, and again if it catches that."""
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
