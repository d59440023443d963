"""The basis of timings: a clock that waits, threads, and the machine."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

# https://docs.kernel.org/scheduler/sched-stats.html
SCHEDULE = "/proc/thread-self/schedstat"
KERNELS = ("gpu_course.cuda", "numba.cuda")


def now() -> float:
    """Wait until every GPU is done, then return the time in seconds.

    A launch returns before the kernel has run, so a clock that doesn't wait
    times the launch alone.
    """
    synchronize()
    return time.perf_counter()


def waiting_clock() -> Callable[[], float]:
    """Return `now` if there is a GPU, else Python's faster clock."""
    return now if has_gpu() else time.perf_counter


def synchronize() -> None:
    """Wait for torch's GPU (CUDA or MPS) and for that of ``numba.cuda``."""
    import torch

    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    if any(name in sys.modules for name in KERNELS):
        from gpu_course import cuda

        cuda.synchronize()  # does nothing for the teaching GPU


def has_gpu() -> bool:
    """Return whether anything here could run on a GPU."""
    import torch

    if torch.accelerator.is_available():
        return True
    if any(name in sys.modules for name in KERNELS):
        from gpu_course.cuda import backend

        return backend.uses_gpu()
    return False


@contextlib.contextmanager
def core_waits() -> Iterator[Callable[[], float]]:
    """Yield a function that returns how long this thread waited for a core.

    The function returns the seconds so far. Linux counts the time in which a
    thread could have run but other programs had the cores. On other systems
    the function returns 0. The file stays open so that a call takes only a
    microsecond.
    """
    try:
        file = os.open(SCHEDULE, os.O_RDONLY)
    except OSError:
        yield float
        return

    def waited():
        fields = os.pread(file, 100, 0).split()  # ns running, ns waiting, …
        return int(fields[1]) * 1e-9 if len(fields) == 3 else 0.0

    try:
        yield waited
    finally:
        os.close(file)


def others_ran() -> float:
    """Return the CPU seconds of this process's other threads so far."""
    return time.process_time() - time.thread_time()


@contextlib.contextmanager
def threads_set(threads: int | None = None) -> Iterator[int]:
    """Make torch, and Numba if it is loaded, use this many CPU threads.

    NumPy's number of threads is fixed at import, by ``OMP_NUM_THREADS`` and
    the like, and stays as it is. Yields torch's number. None changes nothing.

    Raises
    ------
    ValueError
        If `threads` isn't positive.
    """
    import torch

    if threads is None:
        yield torch.get_num_threads()
        return
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    before, numba = torch.get_num_threads(), sys.modules.get("numba")
    # Numba first: its start can set OpenMP's thread count, and so torch's.
    if numba is not None:
        numbas = numba.get_num_threads()
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        if numba is not None:
            numba.set_num_threads(numbas)
        torch.set_num_threads(before)


class Surroundings:
    """Record how busy the machine was during a timing, and its clock.

    Use it in a ``with`` statement. Afterwards ``load`` is the number of cores
    that other programs kept busy. ``clock_mhz`` is the frequency at the end:
    the GPU's for a timing on CUDA, else the CPU's. A value is None where the
    system doesn't report it.
    """

    def __init__(self, device):
        self.device = device
        self.load = self.clock_mhz = None

    def __enter__(self):
        self._begin = self._times()
        return self

    def __exit__(self, *error):
        wall, busy, own = (
            end - begin
            for end, begin in zip(self._times(), self._begin, strict=True)
        )
        if wall > 0.05:  # the system counts in hundredths of a second
            self.load = round(max(0.0, busy - own) / wall, 2)
        self.clock_mhz = _clock_mhz(self.device)

    def _times(self):
        import psutil

        cpu, own = psutil.cpu_times(), os.times()
        busy = sum(
            getattr(cpu, name, 0.0)
            for name in ("user", "nice", "system", "irq", "softirq")
        )
        return time.perf_counter(), busy, own.user + own.system


def _clock_mhz(device):
    """Return the current frequency of the GPU or CPU; None if unknown."""
    if device.startswith("cuda"):
        from gpu_course.common.machine import nvidia_smi

        words = (nvidia_smi("clocks.sm") or "").split()
        return float(words[0]) if words and words[0].isdecimal() else None
    import psutil

    try:
        frequency = psutil.cpu_freq()
    except (NotImplementedError, OSError, RuntimeError, AttributeError):
        return None
    return round(frequency.current) if frequency else None
