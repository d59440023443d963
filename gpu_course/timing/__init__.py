"""Honest timing: clocks, intervals, comparisons.

Also two machines to practise on, one of them simulated. Imports: common, cuda.
"""
