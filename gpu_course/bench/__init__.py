"""What ``gpu-course bench`` measures, and the ledgers that keep it.

The ledgers that travel with the course are in ``carried/``. Imports: common,
cuda, data, hardware, layers, timing, training.
"""
