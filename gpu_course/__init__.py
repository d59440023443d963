"""The shared code of the course "GPUs in AI": one module per concept.

Nothing heavy is imported here: each module imports torch where it needs it.
"""

__version__ = "0.1.0"
