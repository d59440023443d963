"""The kernels of the solutions, for ``gpu-course kernels`` (cuda.jit)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.exercises.collection import EXERCISES

if TYPE_CHECKING:
    from gpu_course.cuda.kernel import Kernel


def listed_kernels() -> list[tuple[Kernel, str]]:
    """Return the kernel of each solution, with the types of its launches.

    Returns
    -------
    list of (Kernel, str)
        Each kernel with the name of its exercise.
    """
    found = []
    for exercise in EXERCISES:
        if exercise.is_kernel:
            kernel = exercise.load(exercise.solution)
            for case in exercise.cases():
                kernel.specialize(*case.arguments)
            found.append((kernel, f"exercise {exercise.name}"))
    return found
