"""The base class of the course's widgets, and a pad to draw on.

The page side of each is JavaScript, in ``javascript/``. Imports no other room.
"""
