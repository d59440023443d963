"""Kernels and their launches: what ``cuda.jit`` returns."""

import functools
import operator
import threading

import numpy as np
from numba import typeof

from gpu_course.cuda import arithmetic
from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.generators import define
from gpu_course.cuda.lowering import lower
from gpu_course.cuda.report import Report
from gpu_course.cuda.threads import Machine, Stop

MAX_THREADS = 1024  # a block's, CUDA C Programming Guide, table of limits
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)


class CheckFailed(AssertionError):
    """The traced run of a kernel found something wrong."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


def dimensions(value, limits, what):
    """Return a launch dimension as three whole numbers.

    Raises
    ------
    ValueError
        Says what was got and the limits.
    """
    parts = value if isinstance(value, tuple | list) else (value,)
    try:
        parts = tuple(operator.index(n) for n in parts)
    except TypeError:
        raise TypeError(
            f"{what} must be a whole number or up to three of them, "
            f"got {value!r}"
        ) from None
    parts = (*parts, 1, 1, 1)[: max(3, len(parts))]
    if len(parts) != 3 or not all(
        1 <= n <= limit for n, limit in zip(parts, limits, strict=False)
    ):
        raise ValueError(
            f"{what} must be 1 to 3 numbers of at least 1 and at most "
            f"{limits}, got {value!r}"
        )
    return parts


class Launcher:
    """A kernel with its launch configuration: call it with arguments."""

    def __init__(self, run, configuration):
        if not isinstance(configuration, tuple) or not (
            2 <= len(configuration) <= 4
        ):
            raise ValueError(
                "launch a kernel as kernel[blocks, threads](...), got "
                f"[{configuration!r}]"
            )
        grid, block, *rest = configuration
        self.grid = dimensions(grid, MAX_GRID, "blocks in a grid")
        self.block = dimensions(block, MAX_BLOCK, "threads in a block")
        threads = self.block[0] * self.block[1] * self.block[2]
        if threads > MAX_THREADS:
            raise ValueError(
                f"a block has at most {MAX_THREADS} threads, got {threads} "
                f"from {block!r}"
            )
        self.stream = rest[0] if rest else 0
        self.dynamic = int(rest[1]) if len(rest) > 1 else 0
        self.run = run

    def __call__(self, *arguments):
        return self.run(self, arguments)


class _Configurable:
    def __init__(self, run):
        self.run = run

    def __getitem__(self, configuration):
        return Launcher(self.run, configuration)


class DeviceFunction:
    """What ``cuda.jit(device=True)`` returns: for use inside kernels."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.device_source = self.py_func = function

    def __call__(self, *arguments):
        raise RuntimeError(
            f"{self.__name__} is a device function: call it from a kernel, "
            "or call its .py_func"
        )


class Kernel:
    """A CUDA kernel; launch it as ``kernel[blocks, threads](...)``."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.py_func = function
        self.versions = {}
        self.trace = _Configurable(self._trace)
        self.check = _Configurable(self._check)
        self.lock = threading.Lock()

    def __repr__(self):
        return f"<cuda kernel {self.__name__}>"

    def __call__(self, *arguments):
        raise ValueError(
            f"{self.__name__} needs a launch configuration: "
            f"{self.__name__}[blocks, threads](...)"
        )

    def __getitem__(self, configuration):
        return Launcher(self._launch, configuration)

    def forall(self, ntasks, tpb=128, stream=0, sharedmem=0):
        """Return the kernel configured for ``ntasks`` threads in 1-D."""
        if ntasks < 1:
            raise ValueError(f"ntasks must be positive, got {ntasks}")
        tpb = tpb or 128
        return self[-(-ntasks // tpb), tpb, stream, sharedmem]

    def lowered(self, *arguments):
        """Return the generated Python of the last, or of these, types."""
        if arguments:
            self._version(tuple(typeof(_host(a)) for a in arguments), False)
        if not self.versions:
            raise RuntimeError(
                f"{self.__name__} has not been launched: give lowered() the "
                "arguments of a launch"
            )
        return list(self.versions.values())[-1][3]

    def _version(self, kinds, trace):
        with self.lock:
            if (kinds, trace) not in self.versions:
                typed = lower(self.py_func, kinds)
                sites, shapes = [], {}
                space = {**arithmetic.NAMES, "_arrays": shapes}
                text = define(
                    typed, "_kernel", trace, sites, space, device=False
                )
                self.versions[kinds, trace] = (typed, sites, space, text)
        return self.versions[kinds, trace]

    def _run(self, launcher, arguments, trace, reverse=False):
        count = self.py_func.__code__.co_argcount
        if len(arguments) != count:
            raise TypeError(
                f"{self.__name__} takes {count} arguments, got "
                f"{len(arguments)}"
            )
        hosts = [_host(a) for a in arguments]
        kinds = tuple(typeof(a) for a in hosts)
        typed, sites, space, _ = self._version(kinds, trace)
        machine = Machine(
            self.__name__, launcher.grid, launcher.block, trace, reverse,
            launcher.dynamic,
        )  # fmt: skip
        machine.sites = sites
        names = typed.source.parameters
        passed = [
            machine.place(value, name, "global")
            if isinstance(value, np.ndarray)
            else _scalar(value)
            for value, name in zip(hosts, names, strict=True)
        ]
        with np.errstate(all="ignore"):
            try:
                machine.run(space["_kernel"], passed, typed.yields)
            except Stop as stop:
                if stop.finding not in machine.findings:
                    machine.findings.append(stop.finding)
                if not trace:
                    raise
        return machine, typed

    def _launch(self, launcher, arguments):
        self._run(launcher, arguments, trace=False)

    def _trace(self, launcher, arguments):
        copies = _copies(arguments)
        machine, typed = self._run(launcher, copies, trace=True)
        return Report(machine.record(typed.source))

    def _check(self, launcher, arguments):
        for reverse in (False, True):
            machine, typed = self._run(
                launcher, _copies(arguments), trace=True, reverse=reverse
            )
            report = Report(machine.record(typed.source))
            if report.findings:
                raise CheckFailed(report.findings[0])


def _copies(arguments):
    """Copy the arrays, so that a trace changes none; aliases stay aliases."""
    made = {}
    return [
        made.setdefault(id(a), np.array(_host(a)))
        if isinstance(_host(a), np.ndarray)
        else a
        for a in arguments
    ]


def _host(value):
    if isinstance(value, DeviceArray):
        return value.array
    if isinstance(value, np.ndarray | np.generic | int | float | complex):
        return value
    if isinstance(value, tuple) or value is None:
        return value
    if hasattr(value, "__array__"):
        return np.asarray(value)
    raise TypeError(
        "a kernel takes arrays and numbers, got "
        f"{type(value).__name__}. Pass its numbers as an array."
    )


def _scalar(value):
    if isinstance(value, np.generic) and not (
        isinstance(value, np.floating) and value.itemsize < 8
    ):
        return value.item()
    return value


def jit(function=None, device=False, **options):
    """Compile a function for the GPU, or for the teaching GPU.

    Parameters
    ----------
    function : callable or signature
        A signature is accepted and the argument types of each launch are
        used.
    device : bool
        A function to be called from kernels.
    **options
        Of ``numba.cuda.jit``; they change no result here.
    """
    if function is None or not callable(function) or _is_signature(function):
        return lambda inner: jit(inner, device=device, **options)
    return DeviceFunction(function) if device else Kernel(function)


def _is_signature(value):
    from numba.core.typing.templates import Signature

    return isinstance(value, Signature | str | tuple | list)
