"""MNIST and pictures: loaded, made ready, drawn; a digit of the reader's own.

The files travel with the package, in ``files/``. Imports: common.
"""
