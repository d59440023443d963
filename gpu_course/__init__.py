"""The shared code of the course "GPUs in AI": a room for each subject.

Nothing heavy is imported here: each module imports torch where it needs it.
"""

__version__ = "0.1.0"
