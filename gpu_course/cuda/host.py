"""The host's side of the device: streams and events, and how to reach a GPU.

The teaching GPU finishes a copy or a launch before the call returns, so a
stream has nothing left to order here.
"""

import contextlib
import functools
import time

from gpu_course.cuda import backend

API: dict = {}  # the host functions: name to function


def forwarded(function):
    """Add a function to ``API``; with a working GPU, call Numba's instead.

    Parameters
    ----------
    function : callable
        The function for the teaching GPU. With a GPU, the function of the
        same name in ``numba.cuda`` is called instead.
    """

    @functools.wraps(function)
    def chosen(*args, **kwargs):
        native = backend.gpu()
        run = getattr(native, function.__name__) if native else function
        return run(*args, **kwargs)

    API[function.__name__] = chosen
    return chosen


class Stream:
    """A queue of work for the device; on the teaching GPU always empty."""

    def __init__(self, name="stream", handle=0):
        self.name, self.handle = name, handle

    def __repr__(self):
        return f"<{self.name} of the teaching GPU>"

    def __int__(self):
        return self.handle

    def synchronize(self):
        """Wait until the stream's work is done."""

    @contextlib.contextmanager
    def auto_synchronize(self):
        """Wait for the stream when the ``with`` block ends."""
        yield self
        self.synchronize()

    def add_callback(self, callback, arg=None):
        """Call ``callback(stream, status, arg)`` once the work is done."""
        callback(self, 0, arg)

    def async_done(self):
        """Return an awaitable that resolves once the work is done."""
        import asyncio

        async def done():
            return self

        return asyncio.get_running_loop().create_task(done())


class Event:
    """A point in a stream's work, with its time."""

    def __init__(self, timing=True):
        self.timing = timing
        self.time_s = None

    def record(self, stream=0):
        """Set the event to now: all work before it is done."""
        self.time_s = time.perf_counter()

    def query(self):
        """Whether the work before the event is done: always, here."""
        return True

    def synchronize(self):
        """Wait on the host until the event has happened."""

    def wait(self, stream=0):
        """Let the stream's later work wait for the event."""

    def elapsed_time(self, evtend):
        """Return `event_elapsed_time` from this event to another."""
        return event_elapsed_time(self, evtend)


@forwarded
def synchronize():
    """Wait for the device; the teaching GPU is done when a call returns."""


@forwarded
def stream():
    """Return a new stream."""
    return Stream()


@forwarded
def default_stream():
    """Return the stream of launches that name none."""
    return Stream("default stream")


@forwarded
def legacy_default_stream():
    """Return the default stream that waits for all others."""
    return Stream("legacy default stream", 1)


@forwarded
def per_thread_default_stream():
    """Return the default stream of this host thread."""
    return Stream("per-thread default stream", 2)


@forwarded
def external_stream(ptr):
    """Return the stream that another library made on a GPU."""
    raise RuntimeError(
        f"stream {ptr:#x} belongs to a GPU, and kernels run on the teaching "
        "GPU here. Use cuda.stream()."
    )


@forwarded
def event(timing=True):
    """Return a new event."""
    return Event(timing)


@forwarded
def event_elapsed_time(evtstart, evtend):
    """Return the milliseconds between two recorded events.

    On the teaching GPU this is the time of the emulation on a CPU. It says
    nothing about a GPU, not even which of two kernels is faster.

    Raises
    ------
    RuntimeError
        If an event was not recorded, or was made with ``timing=False``.
    """
    for which, one in (("first", evtstart), ("second", evtend)):
        if not one.timing:
            raise RuntimeError(
                f"the {which} event has timing=False. Make it with "
                "cuda.event()."
            )
        if one.time_s is None:
            raise RuntimeError(
                f"the {which} event was not recorded. Call its record()."
            )
    return (evtend.time_s - evtstart.time_s) * 1e3


@forwarded
@contextlib.contextmanager
def profiling():
    """Let a profiler watch the ``with`` block; there is none here."""
    yield


@forwarded
def profile_start():
    """Let a profiler watch from here; there is none for the teaching GPU."""


@forwarded
def profile_stop():
    """End what `profile_start` began."""
