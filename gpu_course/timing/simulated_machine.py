"""A simulated computer with a GPU, in virtual time, to try benchmarks on.

It is not a real machine: its speeds are drawn from a seed, so the right result
of a benchmark is known exactly. Time passes as on real machines: launches
return before the GPU is done, the first launch compiles, clocks rise, caches
stay warm, the bus takes time, and some launches take far longer than others.
`this_machine` has the same methods on the reader's computer.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

import numpy as np

READ_S = 25e-9  # time to read the clock
TICK_S = 10e-9  # the clock's resolution
SPIKES = 0.15  # share of a noisy machine's launches that are far too long
SPREAD = 0.15  # standard deviation of the log of the other times
KERNELS = ("v1", "v2", "v3", "v4", "v5")  # all should do what "sqrt" does
WORK = ("add", "clear", "sqrt", *KERNELS)


class Physics:
    """The true speeds that benchmarks on a machine should find.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed):
        draw = np.random.default_rng(seed).uniform
        self.launch_s = draw(2e-6, 6e-6)
        self.add_s = draw(2e-4, 9e-4)  # with its data in the GPU's memory
        self.cached = draw(0.3, 0.5)  # share of add_s if they are cached
        self.clear_s = draw(3e-4, 2e-3)
        self.compile_s = draw(0.1, 2.0)
        self.ramp = int(draw(5, 15))  # launches until full clock speed
        self.bus_latency_s = draw(5e-6, 2e-5)
        self.bus_gb_s = draw(3, 12)
        self.gpu_ns = draw(0.2, 0.6)  # per float32 element
        self.gpu_double = draw(16, 64)  # how much longer float64 takes
        self.cpu_ns = draw(2, 6)  # on one thread
        self.cores = int(draw(4, 17))
        self.cold = draw(3, 8)  # how much longer a CPU's first run takes
        self.idle_s = 1e-6
        self.tail_s = draw(6e-5, 9e-5)
        self.quick_s = draw(1e-4, 2e-4)
        self.plain_s = draw(3e-4, 6e-4)
        self.slow_s = draw(8e-4, 2e-3)
        kinds = np.random.default_rng(seed).permutation(
            ["idle", "tail", "quick", "plain", "slow"]
        )
        self.kind = dict(zip(KERNELS, map(str, kinds), strict=True))
        self.back = draw(1.3, 1.8)  # how much longer copies to the host take

    def kernel_s(
        self, name: str, x: np.ndarray | None = None, cached: bool = False
    ) -> float:
        """Return the seconds that the GPU is busy with a kernel."""
        if name in self.kind:
            return getattr(self, f"{self.kind[name]}_s")
        if name == "sqrt":
            assert x is not None
            double = self.gpu_double if x.dtype == np.float64 else 1
            return 1e-9 * self.gpu_ns * x.size * double
        share = self.cached if cached and name == "add" else 1
        return getattr(self, f"{name}_s") * share

    def copy_s(self, x: np.ndarray, to_host: bool = False) -> float:
        """Return the seconds that copying an array over the bus takes."""
        seconds = x.nbytes / (1e9 * self.bus_gb_s)
        return self.bus_latency_s + seconds * (self.back if to_host else 1)

    def cpu_s(self, x: np.ndarray, threads: int = 1) -> float:
        """Return the seconds that ``sqrt`` takes on the CPU."""
        serial = 1e-9 * self.cpu_ns * x.size * x.itemsize / 4
        return serial / min(threads, self.cores)

    @staticmethod
    def noise_median() -> float:
        """Return the median factor by which noise multiplies times."""
        share = statistics.NormalDist().inv_cdf(0.5 / (1 - SPIKES))
        return math.exp(SPREAD * share)


@dataclass
class Compiled:
    """A kernel that its first launch compiles."""

    name: str
    is_compiled: bool = False


class DeviceArray:
    """An array in the simulated GPU's memory, out of the host's reach."""

    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "this array is in the GPU's memory; fetch it with "
            "machine.to_host(array)"
        )

    def __repr__(self):
        values = self._values
        return f"DeviceArray({values.size} {values.dtype})"


@dataclass(repr=False)
class SimulatedMachine:
    """A machine in virtual time.

    Parameters
    ----------
    seed : int
        Seed of its speeds and its noise.
    cold : bool
        Whether its clock rises over the first launches, and the first run on
        its CPU is slow.
    noisy : bool
        Whether launches vary in time, and some take far too long.

    Attributes
    ----------
    cores : int
        Number of CPU cores.
    """

    seed: int
    cold: bool = False
    noisy: bool = False
    cores: int = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        self._physics = Physics(self.seed)
        self.cores = self._physics.cores
        self._random = np.random.default_rng((self.seed, 1))
        self._now = self._random.uniform(10, 100)
        self._free = 0.0  # when the GPU will have emptied its queue
        self._launches = self._runs = 0
        self._in_cache = False

    def __repr__(self):
        flags = ("cold", "noisy")
        said = "".join(f", {f}=True" for f in flags if getattr(self, f))
        return f"SimulatedMachine({self.seed}{said})"

    def fresh(self) -> SimulatedMachine:
        """Return this machine in its initial state."""
        return SimulatedMachine(self.seed, self.cold, self.noisy)

    def clock(self) -> float:
        """Return the time in seconds since an arbitrary start."""
        self._now += READ_S
        return math.floor(self._now / TICK_S) * TICK_S

    def jit(self, name: str) -> Compiled:
        """Return a kernel that its first launch will compile."""
        return Compiled(_known(name))

    def launch(
        self,
        kernel: str | Compiled,
        x: DeviceArray | None = None,
        out: DeviceArray | None = None,
    ) -> DeviceArray | None:
        """Put a kernel into the GPU's queue, and return at once.

        Parameters
        ----------
        kernel : str or Compiled
            "add" adds two arrays in the GPU's memory. "clear" empties its
            cache. "sqrt" takes the square root of `x`, and "v1" to "v5" should
            do the same.
        x, out : DeviceArray, optional

        Returns
        -------
        DeviceArray or None
            `out` or a new array; None without an `x`.
        """
        name = _known(getattr(kernel, "name", kernel))
        values = _on_device(name, x)
        if getattr(kernel, "is_compiled", True) is False:
            kernel.is_compiled = True  # type: ignore[union-attr]
            self._now += self._physics.compile_s
        self._now += self._physics.launch_s
        busy_s = self._physics.kernel_s(name, values, self._in_cache)
        self._in_cache = name == "add"
        if self.cold:
            left = max(0.0, 1 - self._launches / self._physics.ramp)
            busy_s *= 1 + 2 * left
        self._launches += 1
        self._free = max(self._free, self._now) + busy_s * self._noise()
        if values is None:
            return None
        if out is None:
            out = DeviceArray(np.full_like(values, np.nan))
        target = _on_device(name, out)
        _compute(self._physics.kind.get(name, "plain"), values, target)
        return out

    def synchronize(self) -> None:
        """Wait until the GPU has emptied its queue."""
        self._now = max(self._now, self._free)

    def to_device(self, x: np.ndarray) -> DeviceArray:
        """Copy an array to the GPU's memory and wait until it is there."""
        _on_host("to_device", x)
        self.synchronize()
        self._now += self._physics.copy_s(x)
        return DeviceArray(x.copy())

    def to_host(self, x: DeviceArray) -> np.ndarray:
        """Wait for the GPU, then copy an array back."""
        values = _on_device("to_host", x)
        self.synchronize()
        self._now += self._physics.copy_s(values, to_host=True)
        return values.copy()

    def run(self, name: str, x: np.ndarray, threads: int = 1) -> np.ndarray:
        """Compute on the CPU and return the result.

        Parameters
        ----------
        name : {"sqrt"}
        x : array
        threads : int
            More than `cores` don't help.
        """
        if name != "sqrt":
            raise ValueError(f"the CPU has only 'sqrt', got {name!r}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        _on_host("run", x)
        seconds = self._physics.cpu_s(x, threads)
        if self.cold and not self._runs:
            seconds *= self._physics.cold
        self._runs += 1
        self._now += seconds * self._noise()
        return np.sqrt(x)

    def _noise(self):
        if not self.noisy:
            return 1.0
        if self._random.random() < SPIKES:
            return self._random.uniform(5, 40)
        return self._random.lognormal(0, SPREAD)


def physics(machine: SimulatedMachine) -> Physics:
    """Return a simulated machine's true speeds: its `Physics`.

    A benchmark's result can be compared with them.
    """
    return Physics(machine.seed)


def _known(name):
    if name not in WORK:
        raise ValueError(
            f"there is no kernel {name!r}; there are {', '.join(WORK)}"
        )
    return name


def _on_device(what, x):
    if isinstance(x, DeviceArray):
        return x._values
    if x is None and what in ("add", "clear"):
        return None
    raise TypeError(
        f"{what} needs an array in the GPU's memory, got "
        f"{type(x).__name__}; machine.to_device(x) makes one"
    )


def _on_host(what, x):
    if not isinstance(x, np.ndarray):
        raise TypeError(f"{what} needs a NumPy array, got {type(x).__name__}")


def _compute(kind, x, out):
    """Compute a kernel's result, including its faults."""
    if kind == "idle":
        return
    roots = np.sqrt(x).astype(out.dtype)
    if kind == "quick":  # some are one unit in the last place high
        roots[::2] = np.nextafter(roots[::2], np.inf)
    if kind == "tail":  # one near the end is wrong
        roots[-2:-1] = 0
    out[:] = roots
