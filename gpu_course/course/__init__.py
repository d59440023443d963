"""The course as a whole: notebooks, working copies, kernels, and a doctor.

Imports: common, cuda, data.
"""
