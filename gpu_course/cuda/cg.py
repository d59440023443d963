"""Cooperative groups: the names, for use in a kernel.

``cuda.cg.this_grid().sync()`` is a barrier that all threads of the grid
reach, so all its blocks must be on the device at once.
"""

from gpu_course.cuda.intrinsics import TABLE

this_grid = TABLE["cg"].this_grid  # type: ignore[attr-defined]
