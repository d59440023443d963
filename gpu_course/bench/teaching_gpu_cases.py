"""The launches of the kernel benchmark, and NumPy's results for them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from gpu_course.bench import teaching_gpu_kernels
from gpu_course.bench.teaching_gpu_kernels import (
    BINS,
    FILTER,
    OUT,
    SIDE,
    THREADS,
    TILE,
)

if TYPE_CHECKING:
    from gpu_course.cuda.report import Report


@dataclass(frozen=True)
class Made:
    """A launch with its arguments.

    Attributes
    ----------
    kernel : str
        Its name in `teaching_gpu_kernels`.
    grid, block : int or tuple
    arguments : tuple
        The last is the result.
    numpy : callable
        Returns NumPy's result for the other arguments.
    size : str
        The size as text, for display.
    steps : int
        Steps of each thread, if they grow with the size.
    """

    kernel: str
    grid: int | tuple[int, ...]
    block: int | tuple[int, ...]
    arguments: tuple
    numpy: Callable[[], np.ndarray]
    size: str
    steps: int = 1

    @property
    def threads(self) -> int:
        return int(np.prod(self.grid) * np.prod(self.block))

    @property
    def work(self) -> int:
        """Threads times the steps of each, to compare sizes."""
        return self.threads * self.steps

    def traced(self) -> Report:
        """Return the report of the traced launch."""
        kernel = getattr(teaching_gpu_kernels, self.kernel)
        return kernel.trace[self.grid, self.block](*self.arguments)


@dataclass(frozen=True)
class Case:
    """A kernel with a small size, for every executor, and a full size.

    Attributes
    ----------
    make : callable
        Maps a size to a `Made`.
    unit : int
        Sizes are multiples of it.
    simulated : bool
        Whether Numba's simulator can run it.
    """

    make: Callable[[int], Made]
    small: int
    full: int
    unit: int = 1
    simulated: bool = True

    @property
    def name(self) -> str:
        return self.make.__name__

    def sizes(self, scale: float) -> list[int]:
        """Return the small and the full size, scaled."""
        return [
            max(1, round(n * scale / self.unit)) * self.unit
            for n in (self.small, self.full)
        ]


def whole(*shape: int, high: int = 8) -> np.ndarray:
    """Return small whole numbers as float32: their sums are exact."""
    numbers = np.random.default_rng(0).integers(0, high, shape)
    return numbers.astype(np.float32)


def axpy(n: int) -> Made:
    """Return the launch of y + a x on n elements."""
    a, x, y = np.float32(2), whole(n), whole(n)
    size, numpy = f"{n:,}", lambda: y + a * x
    return Made("axpy", n // THREADS, THREADS, (a, x, y), numpy, size)


def tiled_matmul(n: int) -> Made:
    """Return the launch of a product of two n × n matrices, in tiles."""
    a, b, c = whole(n, n), whole(n, n), whole(n, n)
    grid, block = (n // TILE, n // TILE), (TILE, TILE)
    size, numpy = f"{n}×{n}", lambda: a @ b
    return Made("tiled_matmul", grid, block, (a, b, c), numpy, size, n)


def block_reduction(n: int, kernel: str = "block_reduction") -> Made:
    """Return the launch of sums of blocks of n elements, by a tree."""
    x, sums = whole(n), np.zeros(n // THREADS, np.float32)
    size, numpy = f"{n:,}", lambda: x.reshape(-1, THREADS).sum(axis=1)
    return Made(kernel, n // THREADS, THREADS, (x, sums), numpy, size)


def warp_reduction(n: int) -> Made:
    """Return the launch of the same sums, by shuffles."""
    return block_reduction(n, "warp_reduction")


def convolution(n: int) -> Made:
    """Return the launch of n images convolved with one filter."""
    images, weights = whole(n, SIDE, SIDE), whole(FILTER, FILTER)
    arrays = (images, weights, np.zeros((n, OUT, OUT), np.float32))
    size, numpy = f"{n:,} images", lambda: correlate(images, weights)
    return Made("convolution", n, (OUT, OUT), arrays, numpy, size)


def convolution_channels(n: int, channels: int = 6) -> Made:
    """Return the launch of n images convolved with several filters."""
    images, weights = whole(n, SIDE, SIDE), whole(channels, FILTER, FILTER)
    out = np.zeros((n, channels, OUT, OUT), np.float32)

    def numpy():
        return np.stack([correlate(images, one) for one in weights], axis=1)

    return Made(
        "convolution_channels",
        (channels, n),
        (OUT, OUT),
        (images, weights, out),
        numpy,
        f"{n:,} images",
    )


def correlate(images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the images convolved with one filter, by shifted products."""
    total = np.zeros((len(images), OUT, OUT), np.float32)
    for i in range(FILTER):
        for j in range(FILTER):
            total += images[:, i : i + OUT, j : j + OUT] * weights[i, j]
    return total


def histogram_global(n: int, kernel: str = "histogram_global") -> Made:
    """Return the launch of a histogram of n bytes, in global memory."""
    values = whole(n, high=BINS).astype(np.uint8)
    arrays = (values, np.zeros(BINS, np.int32))
    size, numpy = f"{n:,}", lambda: np.bincount(values, minlength=BINS)
    return Made(kernel, n // THREADS, THREADS, arrays, numpy, size)


def histogram_shared(n: int) -> Made:
    """Return the launch of the same histogram, in shared memory first."""
    return histogram_global(n, "histogram_shared")


MILLIONS = 1 << 22
CASES = (
    Case(axpy, 16_384, MILLIONS, THREADS),
    Case(tiled_matmul, 64, 512, TILE),
    Case(block_reduction, 8192, MILLIONS, THREADS),
    Case(warp_reduction, 8192, MILLIONS // 4, THREADS, simulated=False),
    Case(convolution, 8, 1000),
    Case(convolution_channels, 2, 1000),
    Case(histogram_global, 8192, MILLIONS, THREADS),
    Case(histogram_shared, 8192, MILLIONS, THREADS),
)


def launch(made: Made, kernels: Any = teaching_gpu_kernels) -> None:
    """Launch a kernel of a module."""
    kernel = getattr(kernels, made.kernel)
    kernel[made.grid, made.block](*made.arguments)


def check(made: Made, kernels: Any = teaching_gpu_kernels) -> None:
    """Launch and compare the result with NumPy's, to the last bit.

    Raises
    ------
    AssertionError
        If the result is wrong; the message names the kernel.
    """
    made.arguments[-1][...] = 0
    expected = made.numpy()
    launch(made, kernels)
    if not np.array_equal(made.arguments[-1], expected):
        raise AssertionError(
            f"{made.kernel} differs from NumPy at the size {made.size}"
        )


@functools.cache
def simulator_kernels() -> SimpleNamespace:
    """Return the kernels as Numba's simulator runs them.

    Only the import changes; Numba must have been imported with
    ``NUMBA_ENABLE_CUDASIM=1``.
    """
    text = inspect.getsource(teaching_gpu_kernels)
    text = text.replace(
        "from gpu_course import cuda", "from numba import cuda"
    )
    space = {"__name__": "simulated"}
    exec(compile(text, "bench_kernels as simulated", "exec"), space)
    return SimpleNamespace(**space)
