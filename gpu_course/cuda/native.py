"""Make our kernels into kernels of ``numba.cuda``: same code, other names.

A kernel's code object uses ``cuda.grid`` but doesn't fix what ``cuda`` is. So
the code object is kept, with its file and line numbers. The new function
around it gets globals and closure cells that hold Numba's objects under our
names.
"""

import importlib
import operator
import types

from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.intrinsics import Intrinsic

MODULES = {
    "gpu_course.cuda": "numba.cuda",
    "gpu_course.cuda.cg": "numba.cuda.cg",
    "gpu_course.cuda.random": "numba.cuda.random",
}


def native(kernel, signature=None, **options):
    """Return ``numba.cuda``'s form of a kernel, not yet compiled.

    Parameters
    ----------
    kernel : Kernel
    signature : signature or list of them, optional
        Types to compile for at once; needs a GPU. Default: the types of each
        launch.
    **options
        Options of ``numba.cuda.jit``. They override the kernel's own, and
        those of the device functions that it calls.

    Returns
    -------
    numba.cuda.dispatcher.CUDADispatcher
    """
    return _Exchange(options).compiled(kernel, signature)


class _Exchange:
    """Exchange the names of one kernel and of all that it calls."""

    def __init__(self, options):
        self.cuda = importlib.import_module("numba.cuda")
        self.options = options
        self.done = {}  # id of a module or device function -> its counterpart

    def compiled(self, item, signature):
        options = {**item.options, **self.options, "device": item.is_device}
        function = self.function(item.py_func)
        if signature is None:
            return self.cuda.jit(function, **options)
        return self.cuda.jit(signature, **options)(function)

    def function(self, ours):
        """Return the function with the same code and Numba's names."""
        code = ours.__code__
        names = {"__builtins__", "__name__", *code.co_names}
        namespace = {
            name: self.value(value, code.co_names)
            for name, value in ours.__globals__.items()
            if name in names
        }
        cells = [self.cell(cell, code.co_names) for cell in _cells(ours)]
        theirs = types.FunctionType(
            code, namespace, ours.__name__, ours.__defaults__, tuple(cells)
        )
        theirs.__qualname__ = ours.__qualname__
        theirs.__doc__ = ours.__doc__
        return theirs

    def cell(self, cell, names):
        try:
            return types.CellType(self.value(cell.cell_contents, names))
        except ValueError:  # it is still empty
            return cell

    def value(self, value, names):
        """Return the counterpart of ``value``; most values stay unchanged.

        Parameters
        ----------
        value : object
        names : sequence of str
            All names in the code; some are attributes of ``value``.
        """
        if isinstance(value, Intrinsic):
            return operator.attrgetter(value.name)(self.cuda)
        if isinstance(value, DeviceArray):
            return value.array
        if isinstance(value, types.ModuleType):
            return self.once(value, lambda: self.module(value, names))
        home = MODULES.get(getattr(value, "__module__", None))
        if home is not None and hasattr(value, "__name__"):
            return getattr(importlib.import_module(home), value.__name__)
        is_device = getattr(type(value), "is_device", None)
        if is_device is not None:
            signature = value.signature if is_device else None
            return self.once(value, lambda: self.compiled(value, signature))
        return value

    def once(self, value, make):
        if id(value) not in self.done:
            self.done[id(value)] = value  # a module may contain itself
            self.done[id(value)] = make()
        return self.done[id(value)]

    def module(self, module, names):
        """Return Numba's module, or a module with our objects exchanged."""
        if module.__name__ in MODULES:
            if "random" in names:  # numba.cuda doesn't import it itself
                importlib.import_module("numba.cuda.random")
            return importlib.import_module(MODULES[module.__name__])
        ours = {n: vars(module)[n] for n in names if n in vars(module)}
        theirs = {n: self.value(value, names) for n, value in ours.items()}
        if all(theirs[n] is ours[n] for n in ours):
            return module
        exchanged = types.ModuleType(module.__name__)
        vars(exchanged).update(vars(module) | theirs)
        return exchanged


def _cells(function):
    return function.__closure__ or ()
