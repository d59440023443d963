"""A kernel compiled for real GPUs, one row for each set of types and GPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpu_course.cuda import compiler
from gpu_course.cuda.kernel import Kernel
from gpu_course.cuda.occupancy import compute_capability


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
    def ok(self) -> bool:
        """Whether the kernel did what it was meant to."""
        return (self.error is None) == (self.fails is None)


def compile_rows(found: Found, capabilities: Sequence[Any]) -> list[Row]:
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
