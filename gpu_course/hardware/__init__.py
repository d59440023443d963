"""The speed of processors: published, measured here, and modelled.

The tables are in ``tables/``, each row with its source. Imports: common,
timing.
"""
