"""Running code that may never end, for a limited time."""

import ctypes
import threading


class TimeIsUp(BaseException):
    """Raised inside the code that has run for too long.

    Not an Exception, so that the code's own ``except Exception`` lets it
    pass.
    """


def run_limited(function, seconds):
    """Call a function on a thread of its own; return its result.

    A launch of the teaching GPU and a loop in Python end when their time is
    up. A single call into a library ends only when it returns.

    Parameters
    ----------
    function : callable
        Without arguments.
    seconds : float

    Raises
    ------
    TimeIsUp
        If it isn't done by then.
    BaseException
        What the function raised.
    """
    done, ended = threading.Event(), {}

    def target():
        try:
            ended["result"] = function()
        except BaseException as error:
            ended["error"] = error
        finally:
            done.set()

    worker = threading.Thread(target=target, daemon=True)
    worker.start()
    try:
        if not done.wait(seconds):
            _stop(worker, done)
            raise TimeIsUp(f"after {seconds:g} s")
    except KeyboardInterrupt:
        _stop(worker, done)
        raise
    if "error" in ended:
        raise ended["error"]
    return ended["result"]


def _stop(worker, done):
    """Raise `TimeIsUp` in a thread, again while it catches it."""
    for _ in range(20):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident), ctypes.py_object(TimeIsUp)
        )
        if done.wait(0.1):
            return
