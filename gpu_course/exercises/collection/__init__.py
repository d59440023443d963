"""The exercises, one module each, in the order of the course."""

from gpu_course.exercises.collection import (
    axpy,
    blocks_for,
    blur,
    differences,
    mirror,
    scale_all,
    threshold,
)

EXERCISES = (
    # 10_first_kernels
    blocks_for.EXERCISE,
    axpy.EXERCISE,
    threshold.EXERCISE,
    scale_all.EXERCISE,
    mirror.EXERCISE,
    blur.EXERCISE,
    differences.EXERCISE,
)
