"""This computer, with the methods of a simulated machine.

A benchmark that is right on the `simulated_machine` runs here unchanged, on a
real clock. Without a GPU, a *stand-in* takes its place: a thread that works
through a queue. It is asynchronous like a GPU, but no faster than the CPU.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from gpu_course.timing.simulated_machine import WORK

if TYPE_CHECKING:
    import torch

ELEMENTS = 500_000  # of the arrays that "add" adds: 6 MB in all
CLEARS = 8_000_000  # elements: 32 MB, more than most caches hold


class ThisMachine:
    """This computer: its CPU, and its GPU or a stand-in for one.

    Parameters
    ----------
    device : str or torch.device, optional
        As for `gpu_course.common.device.pick_device`.
    cores : int, optional
        Default: all that this process may use.

    Attributes
    ----------
    cores : int
    device : torch.device
    """

    clock = staticmethod(time.perf_counter)

    def __init__(self, device=None, cores=None):
        import torch

        from gpu_course.common.device import pick_device

        self.device = pick_device(device)
        self.cores = cores or _cores()
        if self.device.type == "cpu":
            self._library, self._place = np, {}
            self._queue = ThreadPoolExecutor(1, "stand-in for a GPU")
            self._last = None  # future of the last work in the queue
        else:
            self._library, self._place = torch, {"device": self.device}
            self._queue = None
        like = {**self._place, "dtype": self._library.float32}
        self._summands = [self._library.ones(ELEMENTS, **like) for _ in "ab"]
        self._sum = self._library.ones(ELEMENTS, **like)
        self._swept = self._library.ones(CLEARS, **like)

    def __repr__(self):
        kind = "stand-in for a GPU" if self._queue else self.device.type
        return f"ThisMachine({kind}, {self.cores} cores)"

    def fresh(self) -> ThisMachine:
        """Return a new machine on the same device."""
        return ThisMachine(self.device, self.cores)

    def jit(self, name: str) -> Any:
        """Return a kernel that its first launch prepares.

        On the stand-in, Numba compiles it then. On a GPU, torch's kernel is
        already compiled, and the first launch loads it.
        """
        if self._queue is None or name != "add":
            return name
        import numba

        @numba.njit(nogil=True)
        def add(a, b, out):
            for i in range(out.size):
                out[i] = a[i] + b[i]

        return add

    def launch(self, kernel: Any, x: Any = None, out: Any = None) -> Any:
        """Put a kernel into the queue and return before it is done.

        Parameters
        ----------
        kernel : str or what `jit` returned
            Names are those in `gpu_course.timing.simulated_machine`.
        x, out : array or torch.Tensor
            From `to_device`.

        Returns
        -------
        array or torch.Tensor or None
            `out` or a new one; None without an `x`.
        """
        if x is not None and out is None:
            out = self._library.empty_like(x)
        if callable(kernel):
            arrays = (*self._summands, self._sum)
            if not kernel.signatures:
                kernel(*(array[:1] for array in arrays))  # compiles
            self._put(lambda: kernel(*arrays))
        elif kernel in WORK:
            self._put(lambda: self._compute(kernel, x, out))
        else:
            raise ValueError(
                f"there is no kernel {kernel!r}; there are {', '.join(WORK)}"
            )
        return out

    def synchronize(self) -> None:
        """Wait until all launched work is done."""
        if self._queue is None:
            from gpu_course.timing.clocks import synchronize

            synchronize()
        elif self._last is not None:
            last, self._last = self._last, None
            last.result()

    def to_device(self, x: np.ndarray) -> np.ndarray | torch.Tensor:
        """Copy an array to the device and wait until it is there."""
        self.synchronize()
        if self._queue:
            return x.copy()
        import torch

        copy = torch.from_numpy(x).to(self.device)
        self.synchronize()
        return copy

    def to_host(self, x: Any) -> np.ndarray:
        """Wait for the device, then copy an array back."""
        self.synchronize()
        return x.copy() if self._queue else x.cpu().numpy()

    def run(self, name: str, x: np.ndarray, threads: int = 1) -> np.ndarray:
        """Take square roots on the CPU, with torch and this many threads."""
        import torch

        if name != "sqrt":
            raise ValueError(f"the CPU has only 'sqrt', got {name!r}")
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        return torch.from_numpy(x).sqrt().numpy()

    def _put(self, function):
        if self._queue is None:
            function()  # asynchronous by itself
        else:
            self._last = self._queue.submit(function)

    def _compute(self, name, x, out):
        library = self._library
        if name == "add":
            library.add(*self._summands, out=self._sum)
        elif name == "clear":
            library.add(self._swept, 1, out=self._swept)
        elif name == "v1":  # one near the end is wrong
            library.sqrt(x, out=out)
            library.multiply(out[-2:-1], 0, out=out[-2:-1])
        elif name == "v2":  # indirect, right but for a few last bits
            library.exp(library.log(x) / 2, out=out)
        elif name == "v3":  # nothing
            pass
        elif name == "v4":  # indirect as well
            roots = library.sqrt(library.sqrt(x))
            library.multiply(roots, roots, out=out)
        else:  # "sqrt" and "v5"
            library.sqrt(x, out=out)


def _cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
