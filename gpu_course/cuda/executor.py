"""Run a compiled kernel: its scratch arrays, its failures, Ctrl-C.

The compiled code runs on its own thread without Python's lock, so the main
thread can receive an interrupt. It then sets a flag that the loops check, and
the launch ends.
"""

import threading
import warnings

import numba
import numpy as np

from gpu_course.cuda import primitives, store
from gpu_course.cuda.arithmetic import wrapping
from gpu_course.cuda.errors import (
    NOT_IN_ITS_MASK,
    LaunchError,
    OutOfBounds,
    Stop,
)
from gpu_course.cuda.record import Finding
from gpu_course.cuda.regions import NotCompilable

NAMES = primitives.names()


class Compiled:
    """A program as a Numba function, compiled on its first call.

    Parameters
    ----------
    program : body.Program
    kinds : tuple of numba types
        The types of the kernel's arguments.
    """

    def __init__(self, program, kinds):
        self.program = program
        self.path = store.path_of(program, kinds)
        self.function = None
        self.lock = threading.Lock()

    @property
    def is_ready(self):
        """Whether it is compiled, in memory or on disk."""
        return self.function is not None or store.is_stored(self.path)

    def load(self, arguments):
        """Compile for these arguments, or load the code from disk."""
        with self.lock:
            if self.function is None:
                self.function = self._built(arguments)
            return self.function

    def _built(self, arguments):
        cache = store.stored(self.program, self.path)
        try:
            return self._build(arguments, cache)
        except Exception:
            if not cache:
                raise
            # The files are damaged, or the disk is full.
            store.forget(self.path)
            return self._build(arguments, cache=False)

    def _build(self, arguments, cache):
        space = {
            **NAMES,
            **self.program.space,
            "__name__": __name__,
            "_entry": numba.njit(error_model="numpy", nogil=True, cache=cache),
        }
        filename = str(self.path) if cache else "<lowered kernel>"
        exec(compile(self.program.text, filename, "exec"), space)
        function = space["_launch"]
        with wrapping(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the cache and constants
            function.compile(tuple(numba.typeof(a) for a in arguments))
        return function


def run(compiled, name, launcher, arguments):
    """Run every block of a launch.

    Parameters
    ----------
    compiled : Compiled
    name : str
        The kernel's name, for messages.
    launcher : kernel.Launcher
        Has the launch configuration.
    arguments : list
        Arrays and numbers.

    Raises
    ------
    LaunchError
        If an index is out of bounds, or a barrier can't progress.
    KeyboardInterrupt
        On Ctrl-C, with a note that names the line.
    """
    program = compiled.program
    grid, block = launcher.grid, launcher.block
    threads = block[0] * block[1] * block[2]
    words = np.zeros(8, np.int64)
    words[1] = -1
    pool = np.zeros(launcher.dynamic, np.uint8)
    blocks = grid[0] * grid[1] * grid[2]
    several = blocks if program.together else 1
    masks = [np.ones(threads * several, np.bool_) for _ in range(2)]
    sizes = {"thread": (threads * several,), "block": ()}
    if program.together:
        sizes["block"] = (blocks,)
    scratch = [
        _scratch(sizes, pool, *description)
        for description in program.scratch.values()
    ]
    given = (
        0,
        blocks,
        *block,
        *grid,
        words,
        *masks,
        pool,
        *arguments,
        *scratch,
    )
    try:
        function = compiled.load(given)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"interrupted while {name} was compiled")
        raise
    except Exception as error:  # Numba's compiler fails in many ways
        raise NotCompilable(str(error)) from error
    try:
        _call(function, given, words)
    except KeyboardInterrupt as interrupt:
        line = program.sites[words[1]][0] if words[1] >= 0 else None
        where = f", line {line}" if line else ""
        interrupt.add_note(f"interrupted in {name}{where}")
        raise
    except Exception as error:
        if words[1] < 0:
            raise LaunchError(f"{name}: {error}") from error
        raise failure(program, name, launcher, words, error) from None


def _call(function, given, words):
    """Call a function on its own thread, so that this one receives Ctrl-C.

    This thread waits for an event and doesn't join the other: an interrupted
    ``join`` treats that thread as ended (Python 3.11, bpo-45274).
    """
    done, failed = threading.Event(), []

    def target():
        try:
            function(*given)
        except Exception as error:
            failed.append(error)
        finally:
            done.set()

    worker = threading.Thread(target=target, daemon=True)
    try:
        worker.start()
        while not done.wait(0.1):
            pass
    except BaseException:
        words[0] = 1
        if worker.ident is not None:
            done.wait()
        raise
    if failed:
        raise failed[0]


def _scratch(sizes, pool, where, shape, dtype):
    if where == "dynamic":
        return pool[: pool.size // dtype.itemsize * dtype.itemsize].view(dtype)
    return np.zeros((*sizes[where], *shape), dtype)


def failure(program, name, launcher, words, error):
    """Return a launch's error, made from what the code left in ``words``."""
    _, site, thread, number, index, size, unsigned = map(int, words[:7])
    if unsigned:
        index %= 1 << 64
    line, array, axis, axes = program.sites[site]
    (dx, dy, _), (gx, gy, _) = launcher.block, launcher.grid
    where = (number % gx, number // gx % gy, number // (gx * gy))
    who = (thread % dx, thread // dx % dy, thread // (dx * dy))
    start = f"{name}, line {line}: thread {who} of block {where} "
    if isinstance(error, IndexError):
        what = f"{array}[{index}], but the shape is ({size},)"
        if axes > 1:
            what = f"index {index} on axis {axis} of {array}, of length {size}"
        return OutOfBounds(
            Finding(
                "out_of_bounds",
                name,
                line,
                array,
                (index,),
                ((where, who),),
                f"{start}uses {what}",
            )
        )
    if error.args == ("barrier",):
        return Stop(
            Finding(
                "barrier_divergence",
                name,
                line,
                "",
                None,
                ((where, who),),
                f"{start}doesn't reach this barrier, others wait there",
            )
        )
    if error.args == ("mask",):
        return LaunchError(f"{start}{NOT_IN_ITS_MASK}")
    return LaunchError(
        f"{start}is named in the mask of this warp operation and doesn't come"
    )
