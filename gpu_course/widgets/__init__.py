"""What moves in a notebook: the base of our widgets, and a pad to draw on.

The page side of each is in ``javascript/``. Imports no other room.
"""
