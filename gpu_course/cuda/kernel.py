"""Kernels and their launches: what ``cuda.jit`` returns."""

import dataclasses
import functools
import math
import operator
import threading

from numba import typeof
from numba.core import errors, types

from gpu_course.common.reader import entrance
from gpu_course.cuda import backend
from gpu_course.cuda.arguments import apart, converted, copies, host_value
from gpu_course.cuda.devices import get_current_device
from gpu_course.cuda.launch import Version, launch
from gpu_course.cuda.report import Report
from gpu_course.cuda.signatures import best_signature

MAX_THREADS = 1024  # per block, CUDA C Programming Guide, table of limits
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MOST_SHARED = 227 << 10  # bytes per block on the largest chips


class CheckFailed(AssertionError):
    """The traced run of a kernel found something wrong."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


def dimensions(value, limits, what):
    """Return a launch dimension as three whole numbers.

    Raises
    ------
    TypeError, ValueError
        If the value is invalid; the message names it and the limits.
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
        self.configuration = configuration
        self.grid = dimensions(grid, MAX_GRID, "blocks in a grid")
        self.block = dimensions(block, MAX_BLOCK, "threads in a block")
        a_block = self.block[0] * self.block[1] * self.block[2]
        if a_block > MAX_THREADS:
            raise ValueError(
                f"a block has at most {MAX_THREADS} threads, got {a_block} "
                f"from {block!r}"
            )
        self.threads = a_block * self.grid[0] * self.grid[1] * self.grid[2]
        self.dynamic = int(rest[1]) if len(rest) > 1 else 0
        if not 0 <= self.dynamic <= MOST_SHARED:
            raise ValueError(
                "dynamic shared memory must be 0 to "
                f"{MOST_SHARED} bytes, got {self.dynamic}"
            )
        self.run = run

    @entrance
    def __call__(self, *arguments, **keywords):
        if keywords:
            raise TypeError(
                "a kernel takes its arguments by position, got "
                f"{', '.join(keywords)} by name"
            )
        return self.run(self, arguments)


class _Configurable:
    def __init__(self, run):
        self.run = run

    @entrance
    def __getitem__(self, configuration):
        return Launcher(self.run, configuration)


class DeviceFunction:
    """What ``cuda.jit(device=True)`` returns: for use inside kernels."""

    is_device = True

    def __init__(self, function, signature=None, options=()):
        functools.update_wrapper(self, function)
        self.device_source = self.py_func = function
        self.signature, self.options = signature, dict(options)

    @entrance
    def __call__(self, *arguments):
        raise RuntimeError(
            f"{self.__name__} is a device function: call it from a kernel, "
            "or call its .py_func"
        )


@dataclasses.dataclass(frozen=True)
class Overload:
    """A kernel for some types, as a cooperative launch queries it."""

    kinds: tuple

    def max_cooperative_grid_blocks(self, blockdim, dynsmemsize=0):
        """Return how many blocks may wait for each other at once."""
        device = get_current_device()
        block = math.prod(dimensions(blockdim, MAX_BLOCK, "threads"))
        return device.MULTIPROCESSOR_COUNT * max(
            1, device.MAX_THREADS_PER_MULTI_PROCESSOR // block
        )


class Kernel:
    """A CUDA kernel; launch it as ``kernel[blocks, threads](...)``.

    Attributes
    ----------
    py_func : callable
        The Python function.
    trace, check
        ``kernel.trace[blocks, threads](...)`` runs on copies of the arrays
        and returns a `Report`; ``check`` raises `CheckFailed` on the first
        finding, in two orders of the threads.
    recorded : list of tuple
        Argument types of the launches, without repeats.
    """

    is_device = False

    def __init__(self, function, signature=None, options=()):
        functools.update_wrapper(self, function)
        self.device_source = self.py_func = function  # kernels may call it
        self.signature, self.options = signature, dict(options)
        self.versions = {}
        self.recorded = []
        self.trace = _Configurable(self._trace)
        self.check = _Configurable(self._check)
        self.lock = threading.Lock()

    def __reduce__(self):
        return self.__qualname__  # a pickle holds its name

    def __repr__(self):
        return f"<cuda kernel {self.__name__}>"

    @entrance
    def __call__(self, *arguments):
        raise ValueError(
            f"{self.__name__} needs a launch configuration: "
            f"{self.__name__}[blocks, threads](...)"
        )

    @entrance
    def __getitem__(self, configuration):
        return Launcher(self._launch, configuration)

    @entrance
    def forall(self, ntasks, tpb=0, stream=0, sharedmem=0):
        """Return the kernel configured for ``ntasks`` threads in 1-D."""
        if ntasks < 0:
            raise ValueError(f"ntasks must be at least 0, got {ntasks}")
        if ntasks == 0:
            return lambda *arguments: None
        tpb = tpb or 128
        return self[-(-ntasks // tpb), tpb, stream, sharedmem]

    def specialize(self, *arguments):
        """Note the types of these arguments; return the kernel."""
        self._prepare(arguments)
        return self

    @property
    def computes_in_float64(self):
        """Whether the last launch's version has a float64 expression."""
        kinds = self._version(self.recorded[-1]).typed.kinds()
        wide = (types.float64, types.complex128)
        return any(kind in wide for kind in kinds)

    @property
    def overloads(self):
        """The types of its launches, each with its `Overload`."""
        return {kinds: Overload(kinds) for kinds in self.recorded}

    def lowered(self, *arguments, executor="compiled"):
        """Return the Python that is generated from the kernel.

        Parameters
        ----------
        *arguments
            Arguments of a launch; default: the types of the last launch.
        executor : str
            ``"compiled"`` (what Numba compiles, or the plain form where it
            can't), ``"python"`` or ``"traced"``.
        """
        if executor not in ("compiled", "python", "traced"):
            raise ValueError(
                "executor must be 'compiled', 'python' or 'traced', got "
                f"{executor!r}"
            )
        if arguments:
            version, _ = self._prepare(arguments)
        elif self.recorded:
            version = self._version(self.recorded[-1])
        else:
            raise RuntimeError(
                f"{self.__name__} has not been launched: give lowered() the "
                "arguments of a launch"
            )
        if executor == "compiled" and version.program() is not None:
            return version.program().text
        return version.form(executor == "traced").text

    def inspect_ptx(self, cc, signature=None):
        """Return the kernel as PTX; `compiler.ptx` has the parameters."""
        from gpu_course.cuda import compiler

        return compiler.ptx(self, cc, signature)

    def inspect_sass(self, cc, signature=None):
        """Return machine code under Python lines, as `compiler.sass`."""
        from gpu_course.cuda import compiler

        return compiler.sass(self, cc, signature)

    def resources(self, cc, signature=None):
        """Return registers, memory and spills, as `compiler.resources`."""
        from gpu_course.cuda import compiler

        return compiler.resources(self, cc, signature)

    def record(self, kinds):
        """Note the argument types of the latest launch."""
        with self.lock:
            if kinds not in self.recorded[-1:]:
                others = [k for k in self.recorded if k != kinds]
                self.recorded = [*others, kinds]

    def _version(self, kinds):
        with self.lock:
            if kinds not in self.versions:
                self.versions[kinds] = Version(self.py_func, kinds)
            return self.versions[kinds]

    def _prepare(self, arguments):
        """Return the version for some arguments, and their host values."""
        count = self.py_func.__code__.co_argcount
        if len(arguments) != count:
            raise TypeError(
                f"{self.__name__} takes {count} arguments, got "
                f"{len(arguments)}: a launch gives each of them, also those "
                "with a default"
            )
        hosts = [host_value(a) for a in arguments]
        if self.signature is not None:
            hosts = self._as_signed(hosts)
        kinds = tuple(map(self._kind, self._parameters(), hosts))
        self.record(kinds)
        return self._version(kinds), hosts

    def _parameters(self):
        code = self.py_func.__code__
        return code.co_varnames[: code.co_argcount]

    def _kind(self, name, value):
        """Return the Numba type of an argument."""
        try:
            return typeof(value)
        except (errors.NumbaError, ValueError) as error:
            got = getattr(value, "dtype", type(value).__name__)
            raise TypeError(
                f"{self.__name__}: the argument {name} ({got}) has no type "
                f"that a GPU has: {error}. Convert it, as with "
                "x.astype(np.float32)."
            ) from None

    def _as_signed(self, hosts):
        """Convert numbers as the decorator's signature says."""
        given = self.signature
        own = tuple(map(self._kind, self._parameters(), hosts))
        found = best_signature(given, own)
        if found is not None:
            kinds, result = found
            if result not in (None, types.none):
                raise TypeError(
                    f"{self.__name__}: the signature {given} says that it "
                    f"returns {result}, and a kernel returns nothing"
                )
            return [
                converted(value, k)
                for value, k in zip(hosts, kinds, strict=True)
            ]
        got = ", ".join(str(typeof(h)) for h in hosts)
        raise TypeError(
            f"{self.__name__} has the signature {given}, got ({got})"
        )

    def _launch(self, launcher, arguments):
        if backend.uses_gpu():
            from gpu_course.cuda import gpu

            gpu.launch(self, launcher.configuration, arguments)
            return
        version, hosts = self._prepare(arguments)
        hosts, copied = apart(arguments, hosts)
        launch(version, launcher, hosts)
        for host, copy in copied:
            if host.flags.writeable:
                host[...] = copy

    def observe(
        self, configuration, arguments, reverse=False, patience_s=None
    ):
        """Trace a launch on copies; return the report and the copies.

        Parameters
        ----------
        configuration : tuple
            ``(blocks, threads)``, as in ``kernel[blocks, threads]``.
        arguments : sequence
        reverse : bool
            Run the threads in the adversarial order.
        patience_s : float, optional
            Seconds until `TooSlow` is raised.

        Returns
        -------
        report : Report
        copies : list
            The arguments as the launch left them; a finding such as an
            index out of bounds ends it early.
        """
        launcher = Launcher(None, configuration)
        version, hosts = self._prepare(arguments)
        copied = copies(arguments, hosts)
        machine = version.run_generators(
            launcher,
            copied,
            trace=True,
            reverse=reverse,
            patience_s=patience_s,
            strict=True,
        )
        return Report(machine.record(version.typed.source)), copied

    def _report(self, launcher, arguments, reverse=False):
        return self.observe(launcher.configuration, arguments, reverse)[0]

    def _trace(self, launcher, arguments):
        return self._report(launcher, arguments)

    def _check(self, launcher, arguments):
        for reverse in (False, True):
            report = self._report(launcher, arguments, reverse)
            if report.findings:
                raise CheckFailed(report.findings[0])


@entrance
def jit(func_or_sig=None, device=False, **options):
    """Make a kernel, or with ``device=True`` a function for use in kernels.

    Parameters
    ----------
    func_or_sig : callable or signature
        As ``numba.cuda.jit`` takes it. Numbers are converted as a signature
        says.
    device : bool
        Whether to make a function that kernels call.
    **options
        Options of ``numba.cuda.jit``. They reach the GPU's compiler, and
        change nothing on the teaching GPU.
    """
    if func_or_sig is None or _is_signature(func_or_sig):
        return lambda function: _made(function, device, func_or_sig, options)
    return _made(func_or_sig, device, None, options)


def _made(function, device, signature, options):
    if isinstance(function, Kernel | DeviceFunction):
        function = function.py_func
    if not callable(function):
        raise TypeError(
            "cuda.jit takes a function or a signature, got "
            f"{type(function).__name__}"
        )
    make = DeviceFunction if device else Kernel
    return make(function, signature, options)


def _is_signature(value):
    from numba.core.typing.templates import Signature

    return isinstance(value, Signature | str | tuple | list)
