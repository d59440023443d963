"""The kernels of the solutions, for ``gpu-course kernels`` (cuda.jit)."""

from gpu_course.exercises.collection import EXERCISES


def listed_kernels():
    """Return the kernel of each solution, with the types of its launches.

    Returns
    -------
    list of (Kernel, str)
        And the name of its exercise.
    """
    found = []
    for exercise in EXERCISES:
        if exercise.is_kernel:
            kernel = exercise.load(exercise.solution)
            for case in exercise.cases():
                kernel.specialize(*case.arguments)
            found.append((kernel, f"exercise {exercise.name}"))
    return found
