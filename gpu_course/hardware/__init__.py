"""What processors can do: published, measured here, and modelled.

The tables are in ``tables/``, each row with its source. Imports: common,
timing.
"""
