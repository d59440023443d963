"""A kernel compiled for real GPUs: one row per set of types and GPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpu_course.cuda import compiler
from gpu_course.cuda.kernel import Kernel
from gpu_course.cuda.occupancy import compute_capability


@dataclass(frozen=True)
class Found:
    """A kernel and its place in the course.

    Attributes
    ----------
    kernel : Kernel
    where : str
        A module, or a notebook and cell.
    fails : str or None
        Why it must not compile, if that is intended.
    """

    kernel: Kernel
    where: str
    fails: str | None = None


@dataclass(frozen=True)
class Row:
    """One kernel, compiled for one set of types and one GPU.

    If it failed, ``resources`` is None and ``error`` is the compiler's
    message. If it was meant to fail, ``fails`` is the reason. Types and
    capability are "" if compiling didn't get that far.
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
        """Whether the kernel compiled or failed as intended."""
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
            except Exception as error:  # from any of the compiler's stages
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
    """Return each known set of argument types of the kernel."""
    given = kernel.signature
    if given is None and kernel.recorded:
        return kernel.recorded
    given = given if isinstance(given, list) else [given]
    return [compiler.argument_types(kernel, one) for one in given]
