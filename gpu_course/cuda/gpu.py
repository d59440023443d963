"""Launch our kernels on a GPU, as kernels of ``numba.cuda``."""

import weakref

import numpy as np

from gpu_course.cuda import backend
from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.native import native

FORMS: weakref.WeakKeyDictionary = (
    weakref.WeakKeyDictionary()
)  # kernel -> its numba.cuda form


def launch(kernel, configuration, arguments):
    """Launch a kernel on the GPU.

    Parameters
    ----------
    kernel : Kernel
        Its ``numba.cuda`` form is made once, so each type is compiled once.
    configuration : tuple
        Blocks, threads, and optionally stream and bytes of shared memory.
    arguments : sequence
        Anything that ``numba.cuda`` takes. Host arrays are copied to the GPU
        and back.

    Raises
    ------
    RuntimeError
        If there is no GPU.
    """
    form = native_form(kernel)
    given = [_passed(value) for value in arguments]
    kernel.record(tuple(form.typeof_pyval(value) for value in given))
    form[configuration](*given)


def native_form(kernel):
    """Return the kernel of ``numba.cuda`` that launches use."""
    if not backend.uses_gpu():
        raise RuntimeError(f"{kernel.__name__}: there is no GPU to use here")
    with kernel.lock:
        if kernel not in FORMS:
            FORMS[kernel] = native(kernel, kernel.signature)
        return FORMS[kernel]


def _passed(value):
    """Return an argument as ``numba.cuda`` takes it."""
    if isinstance(value, DeviceArray):  # made before there was a GPU to use
        return value.array
    marks = ("__cuda_ndarray__", "__cuda_array_interface__")
    if isinstance(value, np.ndarray | np.generic) or any(
        hasattr(value, mark) for mark in marks
    ):
        return value
    if hasattr(value, "__array__"):  # such as a tensor on the host
        return np.asarray(value)
    return value
