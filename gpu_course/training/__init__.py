"""Training in PyTorch: network, recipe, loop, and what makes it faster.

Imports: common, data.
"""
