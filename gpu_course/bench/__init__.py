"""The benchmarks of ``gpu-course bench``, and the ledgers of their results.

The ledgers that come with the course are in ``carried/``. Imports: common,
cuda, data, hardware, layers, timing, training.
"""
