"""The data sets that come with the package, and pictures of digits.

The files come with the package, in ``files/``. Imports: common.
"""
