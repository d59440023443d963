"""Choose the executor of a launch, and prepare the kernel for it.

A first small launch runs in plain Python, which needs no compilation. If that
takes longer than compiling would, the arrays are restored and compiled code
runs the launch. Both give the same bits, so a kernel's result does not depend
on which of them ran.
"""

import contextlib
import re
import threading
import time

import numpy as np
from numba.core import types

from gpu_course.common.printed import first_lines
from gpu_course.common.reader import place
from gpu_course.cuda import arithmetic, backend, executor
from gpu_course.cuda.arguments import arrays_in
from gpu_course.cuda.compiled import write
from gpu_course.cuda.errors import TooSlow
from gpu_course.cuda.generators import Emitter
from gpu_course.cuda.lowering import lower
from gpu_course.cuda.machine import Machine
from gpu_course.cuda.ranges import proven
from gpu_course.cuda.record import MARKERS
from gpu_course.cuda.regions import NotCompilable, annotate

PATIENCE_S = 0.3  # in plain Python, before the kernel is compiled
MOST_STATIC = 48 << 10  # bytes, CUDA C Programming Guide, shared memory
MOST_THREADS = 20_000  # that plain Python can run in about that time
MOST_BYTES = 1 << 26  # copied at most, to be restored if it takes longer
LINES = 1000  # of its threads' output that a launch shows


class Form:
    """A kernel as executed Python source: its function and sites."""

    def __init__(self, typed, trace):
        self.sites = list(MARKERS)
        self.space = {**arithmetic.NAMES, "_arrays": {}}
        self.text = Emitter.define(
            typed, "_kernel", trace, self.sites, self.space, device=False
        )

    @property
    def function(self):
        return self.space["_kernel"]


class Version:
    """A kernel with one set of argument types.

    Parameters
    ----------
    function : callable
    kinds : tuple of numba types
    """

    def __init__(self, function, kinds):
        self.typed = lower(function, kinds)
        if self.typed.return_type != types.none:
            raise TypeError(
                f"{function.__name__} returns a value (as Numba says, "
                f"{self.typed.return_type}), and a kernel returns nothing: "
                "store the result in an array"
            )
        if self.typed.shared_bytes > MOST_STATIC:
            raise ValueError(
                f"{function.__name__} has {self.typed.shared_bytes:,} bytes "
                f"of static shared memory, a GPU gives a block {MOST_STATIC:,}"
                ": use smaller arrays, or dynamic shared memory"
            )
        self.name = function.__name__
        self.prints = self.typed.prints
        self.kinds = kinds
        self.forms = {}
        self.lock = threading.RLock()
        self.plain_s = 0.0  # spent in plain Python so far
        self._refused = None  # why it can't be compiled
        self._program = None  # with every index checked
        self._body = None
        self._variants = {}  # proven indices to `executor.Compiled`
        self._proven = {}

    def form(self, trace):
        """Return the plain Python form, or the traced one."""
        with self.lock:
            if trace not in self.forms:
                self.forms[trace] = Form(self.typed, trace)
            return self.forms[trace]

    def program(self):
        """Return the `body.Program`, or None if it can't be compiled."""
        with self.lock:
            if self._program is None:
                self._program = self._written(frozenset())
            return None if self._refused else self._program

    def _written(self, proven):
        """Return the kernel as a program, or note why not and return None."""
        if self._refused is None:
            try:
                return write(self.typed, proven)
            except NotCompilable as reason:
                self._refused = reason
        return None

    def compiled(self, launcher, hosts):
        """Return the `executor.Compiled` for a launch, or None, as `program`.

        It checks the indices that are not proven to be in bounds. A version
        that was compiled for a launch with fewer proofs also serves.
        """
        with self.lock:
            if self._refused:
                return None
            proven = self._proofs(launcher, hosts)
            ready = [
                p
                for p, c in self._variants.items()
                if c.function is not None and p <= proven
            ]
            best = max(ready, key=len, default=None)
            if best is None or (
                best != proven and launcher.threads > MOST_THREADS
            ):
                best = proven
            if best not in self._variants:
                program = self._written(best)
                if program is None:
                    return None
                made = executor.Compiled(program, self.kinds)
                self._variants[best] = made
            return self._variants[best]

    def _proofs(self, launcher, hosts):
        """Return the indices proven to be in bounds; cached by launch."""
        key = (launcher.grid, launcher.block, *map(_described, hosts))
        if key not in self._proven:
            if self._body is None:
                self._body = annotate(self.typed)
            if len(self._proven) > 256:
                self._proven.clear()
            self._proven[key] = proven(
                self._body, self.typed.source.parameters, launcher, hosts
            )
        return self._proven[key]

    def run_generators(
        self,
        launcher,
        hosts,
        trace=False,
        reverse=False,
        patience_s=None,
        strict=False,
    ):
        """Run in Python; return the machine, with its record if traced."""
        form = self.form(trace)
        machine = Machine(
            self.name,
            launcher.grid,
            launcher.block,
            form.sites,
            trace,
            reverse,
            launcher.dynamic,
            patience_s,
            strict,
        )
        names = self.typed.source.parameters
        passed = [
            machine.argument(value, name)
            for value, name in zip(hosts, names, strict=True)
        ]
        try:
            with self._printing():
                machine.run(
                    form.function,
                    passed,
                    self.typed.yields,
                    self.typed.together,
                )
        except KeyboardInterrupt as interrupt:
            self._say_where(interrupt)
            raise
        return machine

    def _say_where(self, interrupt):
        """Make the interrupt's message name the kernel and the line."""
        said = f"interrupted in {self.name}"
        if notes := getattr(interrupt, "__notes__", None):
            said = notes.pop()  # the machine's or the executor's
        line = re.search(r", line (\d+)$", said)
        if line and len(files := _files(self.typed)) == 1:
            where = place(*files, int(line[1]))
            said = f"interrupted in {self.name} ({where})"
        interrupt.args = (said,)

    def _printing(self):
        """Return the context that limits what the threads print."""
        if not self.prints:
            return contextlib.nullcontext()
        return first_lines(LINES, f"a launch shows {LINES:,} lines.")

    def run_plain(self, launcher, hosts, trace=False, patience_s=None):
        """Run in Python; raise what stopped it."""
        machine = self.run_generators(
            launcher, hosts, trace, patience_s=patience_s
        )
        if machine.stop:
            raise machine.stop

    def run(self, launcher, hosts, at_once=False):
        """Run in plain Python or compiled, whichever should finish sooner.

        With ``at_once`` the kernel is compiled, unless the compiler refuses.
        """
        compiled = self.compiled(launcher, hosts)
        if compiled is None:
            self.run_plain(launcher, hosts)
        elif (
            at_once
            or compiled.is_ready
            or not self._try_plain(launcher, hosts)
        ):
            try:
                executor.run(compiled, self.name, launcher, hosts)
            except KeyboardInterrupt as interrupt:
                self._say_where(interrupt)
                raise
            except NotCompilable as reason:
                self._refused = reason
                self.run_plain(launcher, hosts)

    def _try_plain(self, launcher, hosts):
        """Try a plain run; return whether it finished in its time."""
        patience_s = PATIENCE_S - self.plain_s
        arrays = arrays_in(hosts)
        if (
            patience_s <= 0
            or launcher.threads > MOST_THREADS
            or sum(a.nbytes for a in arrays) > MOST_BYTES
        ):
            return False
        before = [a.copy() for a in arrays]
        start = time.perf_counter()
        try:
            self.run_plain(launcher, hosts, patience_s=patience_s)
            return True
        except TooSlow:
            for array, old in zip(arrays, before, strict=True):
                if array.flags.writeable:
                    array[...] = old
            return False
        finally:
            self.plain_s += time.perf_counter() - start


def _files(typed):
    """Return the files of a kernel and of what it calls."""
    called = [d for known in typed.devices.values() for d in known.values()]
    return {typed.source.filename}.union(*map(_files, called))


def _described(value):
    """Return what the proofs for a launch use of an argument.

    A float proves nothing about an index.
    """
    if isinstance(value, tuple):
        return tuple(map(_described, value))
    if isinstance(value, float | np.floating):
        return "float"
    return value.shape if isinstance(value, np.ndarray) else value


def launch(version, launcher, hosts):
    """Run a launch on the chosen executor, or on the best one.

    Parameters
    ----------
    version : Version
    launcher : kernel.Launcher
    hosts : list
        NumPy arrays and numbers.
    """
    choice = backend.choice()
    if choice in ("python", "traced"):
        version.run_plain(launcher, hosts, trace=choice == "traced")
    else:
        version.run(launcher, hosts, at_once=choice == "compiled")
