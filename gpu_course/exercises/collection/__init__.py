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
    horner,
    loads_in_flight,
    matmul,
    mean_of_ten,
    mirror,
    peak_tflops,
    resident_blocks,
    reverse_block,
    scale_all,
    scan_block,
    sectors_touched,
    softmax_rows,
    spmv,
    threshold,
    transpose,
    warp_sum,
    warps_to_hide,
    why_slow,
)

EXERCISES = (
    # 01_gpu_architecture
    peak_tflops.EXERCISE,
    loads_in_flight.EXERCISE,
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
    # 13_what_the_compiler_made
    resident_blocks.EXERCISE,
    warps_to_hide.EXERCISE,
    mean_of_ten.EXERCISE,
    horner.EXERCISE,
)
