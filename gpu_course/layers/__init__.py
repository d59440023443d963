"""The layers of a CNN by hand: each in NumPy and as kernels, both ways.

Forward and backward of each layer stand in one module, named after it. The
NumPy functions are the definitions; the kernels are held against them. The
``launch_`` functions check what they are given and choose the grid; `autograd`
puts them into PyTorch's graph, `training` trains a network of them, and
`launches` counts what runs.
"""
