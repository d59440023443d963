"""Every kernel of the course, compiled for real GPUs with none here.

It is how a course that is built without a GPU knows that its kernels are fit
for one.
"""

import importlib
import re
from dataclasses import dataclass

from gpu_course.cuda import compiler
from gpu_course.cuda.kernel import Kernel
from gpu_course.cuda.occupancy import compute_capability

COMMON = (75, 80, 90, 100)  # Turing, Ampere, Hopper, Blackwell


@dataclass(frozen=True)
class Found:
    """A kernel and where it stands.

    Attributes
    ----------
    kernel : Kernel
    where : str
        Module, or notebook and cell.
    fails : str or None
        Why it is meant not to compile.
    """

    kernel: Kernel
    where: str
    fails: str | None = None


@dataclass(frozen=True)
class Row:
    """One kernel, compiled for one set of types and one GPU.

    ``resources`` is None and ``error`` the compiler's message if it failed;
    ``fails`` is the reason if it was meant to. Types or capability are ""
    where it didn't get that far.
    """

    where: str
    kernel: str
    types: str
    capability: str
    resources: compiler.Resources | None = None
    error: str | None = None
    fails: str | None = None

    @property
    def ok(self):
        """Whether the kernel did what it was meant to."""
        return (self.error is None) == (self.fails is None)


def list_kernels(root, capabilities=COMMON):
    """Compile every kernel of the package and of the notebooks.

    Parameters
    ----------
    root : Path
        The folder that holds ``gpu_course/`` and ``notebooks/``.
    capabilities : sequence
        Each as `compute_capability` takes it.

    Returns
    -------
    list of Row

    Raises
    ------
    RuntimeError
        If there is no compiler here.
    ValueError
        If it doesn't know a capability.
    """
    from gpu_course.cuda.listing_notebooks import notebook_rows

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


def package_kernels(folder):
    """Find the kernels that stand at the top of the package's modules.

    A module whose kernels have no types in their decorators has a function
    ``rehearse()`` that launches each on little data. One whose kernels are
    kept as texts has a function ``listed_kernels()`` that returns them as
    `Found`. A kernel that is meant to fail carries the reason as its
    attribute ``fails``.

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
            all_found += module.listed_kernels()
    return all_found


def compile_rows(found, capabilities):
    """Compile a kernel for its types and each capability.

    Returns
    -------
    list of Row
    """
    kernel, rows = found.kernel, []
    try:
        signatures = _signatures(kernel)
    except ValueError as error:
        return [_row(found, "", "", error=str(error))]
    for signature in signatures:
        types = ", ".join(map(str, signature))
        for capability in capabilities:
            try:
                made = {"resources": kernel.resources(capability, signature)}
            except Exception as error:  # of the compiler's many stages
                made = {"error": str(error) or type(error).__name__}
            major, minor = compute_capability(capability)
            rows.append(_row(found, types, f"{major}.{minor}", **made))
    return rows


def _row(found, types, capability, **made):
    return Row(
        where=found.where,
        kernel=found.kernel.__name__,
        types=types,
        capability=capability,
        fails=found.fails,
        **made,
    )


def _signatures(kernel):
    """Return each set of argument types that the kernel is known for."""
    given = kernel.signature
    if given is None and kernel.recorded:
        return kernel.recorded
    given = given if isinstance(given, list) else [given]
    return [compiler.argument_types(kernel, one) for one in given]


# The table


def table(rows):
    """Return the rows as text, a heading for each kernel and its types."""
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
