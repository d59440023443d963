"""The exercises, one module each, in the order of the course."""

from gpu_course.exercises.collection import (
    add_planes,
    axpy,
    blocks_for,
    blur,
    convolve,
    differences,
    matmul,
    mirror,
    scale_all,
    sectors_touched,
    threshold,
    transpose,
    why_slow,
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
    # 11_memory
    sectors_touched.EXERCISE,
    add_planes.EXERCISE,
    transpose.EXERCISE,
    why_slow.EXERCISE,
    convolve.EXERCISE,
    matmul.EXERCISE,
)
