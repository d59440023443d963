"""Keep compiled kernels on disk, so that a second session need not compile.

A kernel's text is stored in a file named after everything that its machine
code depends on, with Numba's own cache beside it. So a stored kernel is never
stale.
"""

import contextlib
import hashlib
import os
import platform
import types as python_types
from pathlib import Path

import numba
import numpy as np

from gpu_course.common.files import cache_folder, write_atomically
from gpu_course.cuda import mathematics, primitives

TRUSTED = ("builtins", "math", "cmath", "operator", "numpy", "numba")


class NotStorable(Exception):
    """The kernel depends on something that has no lasting name."""


def path_of(program, kinds):
    """Return where a program's text is stored, None if it can't be.

    Parameters
    ----------
    program : body.Program
    kinds : tuple of numba types
    """
    try:
        captured = sorted(
            (name, described(value)) for name, value in program.space.items()
        )
    except NotStorable:
        return None
    parts = (
        program.text,
        captured,
        [str(k) for k in kinds],
        [(n, w, s, str(d)) for n, (w, s, d) in program.scratch.items()],
        "integers wrap",
        numba.__version__,
        np.__version__,
        platform.python_version(),
        text_of(primitives),
        text_of(mathematics),
    )
    return folder() / f"k{digest(parts)}.py"


def is_used():
    """Whether kernels may be stored on disk and loaded from there."""
    return os.environ.get("GPU_COURSE_KERNEL_CACHE") != "0"


def folder():
    """Return where kernels are kept; it need not exist yet."""
    return cache_folder() / "kernels"


def digest(parts):
    """Return a hash of what a stored item depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def text_of(module):
    """Return the source of a module, faster than ``inspect`` finds it."""
    return Path(module.__file__).read_text(encoding="utf-8")


def described(value):
    """Return a lasting description of a captured value.

    Raises
    ------
    NotStorable
        If the description may mean another value in another session.
    """
    if isinstance(value, bool | int | float | complex | str | None):
        return repr(value)
    if isinstance(value, np.generic):
        return f"{value.dtype} {value!r}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value)).hexdigest()
        order = f"{value.flags.c_contiguous} {value.flags.f_contiguous}"
        return f"{value.dtype} {value.shape} {order} {content}"
    if isinstance(value, tuple):
        names = getattr(value, "_fields", ())
        return [*names, *(described(item) for item in value)]
    if isinstance(value, python_types.ModuleType):
        name = value.__name__
    elif isinstance(value, numba.core.types.Type):
        return str(value)
    elif isinstance(value, np.ufunc):
        return f"numpy.{value.__name__}"
    else:
        name = f"{getattr(value, '__module__', None)}"
        name += f".{getattr(value, '__qualname__', '<locals>')}"
    if name.partition(".")[0] in TRUSTED and "<locals>" not in name:
        return name
    raise NotStorable(repr(value))


def is_stored(path):
    """Whether machine code is stored beside a program's text."""
    return (
        is_used()
        and path is not None
        and any((path.parent / "__pycache__").glob(f"{path.stem}.*.nbi"))
    )


def forget(path):
    """Remove a program's stored files, if possible."""
    for old in [path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")]:
        with contextlib.suppress(OSError):
            old.unlink()


def stored(program, path):
    """Write a program's text to its path; return whether that succeeded.

    If the folder can't be written, the next session compiles again.
    """
    if path is None or not is_used():
        return False
    try:
        text = program.text.encode()
        if not path.is_file() or path.read_bytes() != text:
            forget(path)
            write_atomically(path, text)
        Path(path.parent / "__pycache__").mkdir(exist_ok=True)
        return os.access(path.parent / "__pycache__", os.W_OK)
    except OSError:
        return False
