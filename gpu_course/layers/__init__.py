"""The layers of a CNN by hand: each in NumPy and as kernels, both ways.

Each layer has a module, named after it, with its forward and backward pass.
The losses, the optimizers and attention have modules too. The NumPy functions
define the right result, and the kernels are tested against them. The
``launch_`` functions check their arguments and choose the grid. `autograd`
puts them into PyTorch's graph, `train_by_kernels` trains a network made of
them, and `launches` lists the launches.
Imports: common, cuda, hardware, training.
"""
