"""What a timing stands on: a clock that waits, threads, and the machine."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

# https://docs.kernel.org/scheduler/sched-stats.html
SCHEDULE = "/proc/thread-self/schedstat"
KERNELS = ("gpu_course.cuda", "numba.cuda")


def now() -> float:
    """Return the time in seconds, once every GPU has done its work.

    A launch returns before the kernel has run, so a clock that doesn't wait
    times the launch alone.
    """
    synchronize()
    return time.perf_counter()


def waiting_clock() -> Callable[[], float]:
    """Return `now` where there is a GPU, else Python's faster clock."""
    return now if has_gpu() else time.perf_counter


def synchronize() -> None:
    """Wait for torch's GPU (CUDA or MPS) and for that of ``numba.cuda``."""
    import torch

    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    if any(name in sys.modules for name in KERNELS):
        from gpu_course import cuda

        cuda.synchronize()  # nothing to do where the teaching GPU runs them


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
    """Yield a function: the seconds this thread has waited for a core so far.

    Linux counts the time in which a thread could have run and other programs
    had the cores. The function returns 0 elsewhere. It takes a microsecond,
    which is why the file stays open.
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
    """Have torch, and Numba where it is loaded, use so many CPU threads.

    NumPy's own are chosen as it is imported, by ``OMP_NUM_THREADS`` and the
    like, and stay as they are. Yields torch's number; None changes nothing.

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
    if numba is not None:  # first: its start can set OpenMP's, so torch's
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
    """How busy the machine was meanwhile, and its clock, to be recorded.

    Used in a ``with`` statement; then ``load`` is the number of cores that
    other programs kept busy and ``clock_mhz`` the frequency at the end: of
    the GPU for a timing on CUDA, else of the CPU. None where the system
    doesn't say.
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
    """Return the present frequency, of GPU or CPU; None if unknown."""
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
