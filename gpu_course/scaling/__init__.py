"""Training on many processors: all-reduce, data parallelism, and models.

Imports: common, data, hardware, training.
"""
