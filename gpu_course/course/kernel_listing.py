"""Every kernel of the course, compiled for real GPUs; no GPU is needed.

The course is built on machines without a GPU. This listing shows that its
kernels compile for real ones.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpu_course.course.kernel_rows import Found, compile_rows
from gpu_course.course.kernels_of_notebooks import notebook_rows
from gpu_course.cuda import compiler
from gpu_course.cuda.kernel import Kernel

if TYPE_CHECKING:
    from pathlib import Path

    from gpu_course.course.kernel_rows import Row


COMMON = (75, 80, 90, 100)  # Turing, Ampere, Hopper, Blackwell


def list_kernels(
    root: Path, capabilities: Sequence[Any] = COMMON
) -> list[Row]:
    """Compile every kernel of the package and the notebooks.

    Parameters
    ----------
    root : Path
        The folder that holds ``gpu_course/`` and ``notebooks/``.
    capabilities : sequence
        Each in a form that `compute_capability` accepts.

    Returns
    -------
    list of Row

    Raises
    ------
    RuntimeError
        If no GPU compiler is installed.
    ValueError
        If the compiler doesn't know a capability.
    """
    capabilities = [compiler.supported(one) for one in capabilities]
    rows = [
        row
        for found in package_kernels(root / "gpu_course")
        for row in compile_rows(found, capabilities)
    ]
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        if "cuda.jit" in path.read_text(encoding="utf-8"):
            rows += notebook_rows(path, capabilities)
    return rows


def package_kernels(folder: Path) -> list[Found]:
    """Find the kernels at the top level of the package's modules.

    If a module's kernels have no types in their decorators, its function
    ``rehearse()`` launches each of them on a little data. If a module keeps
    its kernels as texts, its function ``listed_kernels()`` returns pairs of a
    kernel and its place. If a kernel is meant to fail, its attribute
    ``fails`` holds the reason.

    Returns
    -------
    list of Found
    """
    all_found = []
    for path in sorted(folder.rglob("*.py")):
        if not re.search(r"\bjit\b", path.read_text(encoding="utf-8")):
            continue
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        own = {
            id(value): value
            for value in vars(module).values()
            if isinstance(value, Kernel) and value.__module__ == name
        }
        if own and hasattr(module, "rehearse"):
            module.rehearse()
        all_found += [
            Found(kernel, name, getattr(kernel, "fails", None))
            for kernel in own.values()
        ]
        if hasattr(module, "listed_kernels"):
            all_found += [Found(*pair) for pair in module.listed_kernels()]
    return all_found


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text, with a heading per kernel and its types."""
    lines, heading = [], None
    for row in rows:
        types = f"({row.types})" if row.types else ""
        new = f"{row.where}: {row.kernel}{types}"
        if new != heading:
            heading = new
            lines += [new, HEADER]
        lines.append(_line(row))
    failed = sum(not row.ok for row in rows)
    kernels = len({(row.where, row.kernel) for row in rows})
    lines.append(
        f"{kernels} kernels, {len(rows)} compilations, "
        f"{failed} not as they should be"
    )
    return "\n".join(lines)


HEADER = (
    f"{'cc':>6} {'registers':>10} {'shared':>8} {'local':>8} "
    f"{'constant':>9} {'spills':>8}"
)


def _line(row):
    if row.error is not None and row.ok:
        return f"{row.capability:>6} fails, as it should: {row.fails}"
    if row.error is not None:
        return f"{row.capability:>6} FAILS: {row.error}"
    used = row.resources
    line = (
        f"{row.capability:>6} {used.registers:>10,} {used.shared_bytes:>8,} "
        f"{used.local_bytes:>8,} {used.constant_bytes:>9,} "
        f"{used.spill_store_bytes:>8,}"
    )
    if row.fails is not None:
        line += f"  COMPILES, though tagged: {row.fails}"
    return line
