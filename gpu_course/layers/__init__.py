"""The layers of a CNN by hand: each in NumPy and as kernels, both ways.

Forward and backward of each layer stand in one module, named after it; so do
the losses and the optimizers. The NumPy functions are the definitions; the
kernels are held against them. The ``launch_`` functions check what they are
given and choose the grid; `autograd` puts them into PyTorch's graph,
`train_by_kernels` trains a network of them, and `launches` counts what runs.
Imports: common, cuda, hardware, training.
"""
