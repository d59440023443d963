"""Measure this machine's memory bandwidth and float32 arithmetic.

The results can be compared with the published peaks in `published`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpu_course.common.device import pick_device
from gpu_course.timing.timer import time_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

SCALAR = 3.0
PATTERN = 1024  # the triad's arrays repeat this many values


@dataclass(frozen=True)
class Measured:
    """A rate measured on this machine.

    Attributes
    ----------
    rate, best : float
        Rates of the median call and of the fastest one, in `unit`. STREAM
        reports the fastest.
    unit : {"GB/s", "GFLOP/s"}
    device : str
    threads : int or None
        torch's threads on a CPU, else None.
    what : str
        A description of the work.
    """

    rate: float
    best: float
    unit: str
    device: str
    threads: int | None
    what: str

    def __str__(self):
        on = self.device
        if self.threads is not None:
            on += f", {self.threads} thread" + "s" * (self.threads > 1)
        return (
            f"{self.rate:.3g} {self.unit} (best {self.best:.3g}) "
            f"on {on}: {self.what}, measured here"
        )


def measured_bandwidth(
    device: str | torch.device = "cpu",
    array_mib: float = 256,
    min_run_time_s: float = 0.3,
) -> Measured:
    """Measure the memory's bandwidth with STREAM's triad, ``a = b + 3 c``.

    ``rate = 3 × array bytes / seconds``: two arrays read and one written, as
    STREAM counts. A CPU that reads a cache line before it writes it moves a
    third more than is counted. The result is checked before the timing.

    Parameters
    ----------
    device : str or torch.device
    array_mib : float
        Size of each of three float32 arrays. STREAM requires at least four
        times the last-level caches; 256 MiB is enough for 64 MiB of cache.
        Smaller arrays measure a cache.
    min_run_time_s : float

    Returns
    -------
    Measured
        In GB/s, 1e9 bytes a second.

    Raises
    ------
    ValueError
        If `array_mib` is less than a page of 4 KiB or the device doesn't work
        here.
    AssertionError
        If the result is wrong. `measured_sgemm` raises it too.

    Notes
    -----
    J. McCalpin, STREAM: Sustainable Memory Bandwidth in High Performance
    Computers, https://www.cs.virginia.edu/stream/ref.html
    """
    if not array_mib >= 1 / 256:
        raise ValueError(f"array_mib must be at least 1/256, got {array_mib}")
    import torch

    device = pick_device(device)
    size = round(array_mib * 256) * PATTERN  # a multiple of 4 KiB
    ramp = torch.arange(PATTERN, dtype=torch.float32, device=device)
    a, b, c = (torch.empty(size, device=device) for _ in range(3))
    a.fill_(-1)
    b.view(-1, PATTERN).copy_(ramp.expand(size // PATTERN, PATTERN))
    c.view(-1, PATTERN).copy_(ramp.flip(0).expand(size // PATTERN, PATTERN))

    def triad():
        torch.add(b, c, alpha=SCALAR, out=a)

    triad()
    expected = ramp + SCALAR * (PATTERN - 1 - ramp)  # whole numbers: exact
    if not torch.equal(
        a.view(-1, PATTERN), expected.expand(size // PATTERN, PATTERN)
    ):
        raise AssertionError(f"the triad's result is wrong on {device}")
    return _measured(
        triad,
        3 * 4 * size / 1e9,
        "GB/s",
        device,
        f"triad on three arrays of {array_mib:g} MiB",
        min_run_time_s,
    )


def measured_sgemm(
    device: str | torch.device = "cpu",
    n: int | None = None,
    min_run_time_s: float = 0.3,
) -> Measured:
    """Measure float32 arithmetic with the product of two square matrices.

    ``rate = 2 n³ / seconds``: n multiply-adds, of two FLOPs each, for each of
    n² elements. Some rows are compared with float64 before the timing. TF32 is
    off during the measurement and restored afterwards.

    Parameters
    ----------
    device : str or torch.device
    n : int, optional
        Rows and columns. Default: 1024 on a CPU, 4096 on a GPU.
    min_run_time_s : float

    Returns
    -------
    Measured
        In GFLOP/s.

    Raises
    ------
    ValueError
        If `n` isn't positive or the device doesn't work here.
    """
    import torch

    device = pick_device(device)
    if n is None:
        n = 1024 if device.type == "cpu" else 4096
    if n < 1:
        raise ValueError(f"n must be positive, got {n}")
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(n, n, generator=generator)
    b = torch.rand(n, n, generator=generator)
    rows = slice(None, None, max(1, n // 8))
    expected = (a[rows].double() @ b.double()).float()
    a, b = a.to(device), b.to(device)
    product = torch.empty(n, n, device=device)

    def sgemm():
        torch.mm(a, b, out=product)

    with full_float32():
        sgemm()
        # A sum of n positive terms; each step rounds by at most 2**-24 of it.
        torch.testing.assert_close(
            product[rows].cpu(), expected, rtol=n * 2**-24 + 1e-6, atol=0
        )
        return _measured(
            sgemm,
            2 * n**3 / 1e9,
            "GFLOP/s",
            device,
            f"product of float32 matrices of {n} × {n}",
            min_run_time_s,
        )


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Multiply and convolve in true float32, not in TF32 or bfloat16."""
    import torch
    from torch.backends import cuda, cudnn, mkldnn

    with contextlib.ExitStack() as stack:
        if hasattr(cuda.matmul, "fp32_precision"):
            # From torch 2.9 on, reading the old names can raise.
            for where in (
                cuda.matmul,
                mkldnn.matmul,  # type: ignore[attr-defined]
                cudnn.conv,  # type: ignore[attr-defined]
            ):
                before = where.fp32_precision
                stack.callback(setattr, where, "fp32_precision", before)
                where.fp32_precision = "ieee"
        else:
            stack.callback(setattr, cudnn, "allow_tf32", cudnn.allow_tf32)
            cudnn.allow_tf32 = False
            before = torch.get_float32_matmul_precision()
            stack.callback(torch.set_float32_matmul_precision, before)
            torch.set_float32_matmul_precision("highest")
        yield


def _measured(function, amount, unit, device, what, min_run_time_s):
    import torch

    if device.type == "mps":  # torch.utils.benchmark doesn't wait for it

        def call():
            function()
            torch.mps.synchronize()

    else:
        call = function
    measurement = time_call(call, min_run_time_s)
    threads = torch.get_num_threads() if device.type == "cpu" else None
    return Measured(
        rate=amount / measurement.median_s,
        best=amount / min(measurement.times),
        unit=unit,
        device=str(device),
        threads=threads,
        what=what,
    )
