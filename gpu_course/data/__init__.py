"""Load, prepare and draw MNIST, and pictures of the reader's own digits.

The files come with the package, in ``files/``. Imports: common.
"""
