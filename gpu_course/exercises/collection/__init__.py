"""The exercises, one module each, in the order of the course."""

from gpu_course.exercises.collection import (
    add_planes,
    axpy,
    block_sum,
    blocks_for,
    blur,
    convolve,
    differences,
    histogram,
    matmul,
    mirror,
    reverse_block,
    scale_all,
    scan_block,
    sectors_touched,
    softmax_rows,
    spmv,
    threshold,
    transpose,
    warp_sum,
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
    # 12_threads_together
    reverse_block.EXERCISE,
    block_sum.EXERCISE,
    warp_sum.EXERCISE,
    histogram.EXERCISE,
    scan_block.EXERCISE,
    softmax_rows.EXERCISE,
    spmv.EXERCISE,
)
