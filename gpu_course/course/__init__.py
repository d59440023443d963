"""The course as a whole: its notebooks, working copies and kernels; a doctor.

Imports: common, cuda, data.
"""
