"""The tasks of ``gpu-course train``: data, network, recipe and baseline.

`listing` names them. Imports: common, data, training.
"""
