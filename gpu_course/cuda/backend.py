"""Choose the executor of a launch: a GPU, or one of the teaching GPU's own.

A GPU is used only after it has passed a small test, because a driver can be
installed without a GPU, and a GPU can be too old for the compiler.
"""

import contextvars
import ctypes
import functools
import importlib.util
import os
import sys
import warnings
from contextlib import contextmanager

CHOICES = ("gpu", "compiled", "traced", "python")
DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}
# CUresult codes that the CUDA driver API returns on a machine without a GPU.
# Toolkits that are installed without a driver bring a stub library.
NO_GPU = {100: "no device", 34: "stub library"}
_FORCED = contextvars.ContextVar("executor", default=None)


def choice():
    """Return the requested executor, or None if none is requested.

    `forced` overrides the environment variable ``GPU_COURSE_CUDA``.

    Returns
    -------
    {"gpu", "compiled", "traced", "python"} or None

    Raises
    ------
    ValueError
        If the variable names no executor; the message lists them.
    """
    if _FORCED.get():
        return _FORCED.get()
    asked = os.environ.get("GPU_COURSE_CUDA", "").strip()
    if not asked:
        return None
    if asked.lower() not in CHOICES:
        raise ValueError(
            f"GPU_COURSE_CUDA must be one of {', '.join(CHOICES)}, or unset "
            f"for the best there is, got {asked!r}"
        )
    return asked.lower()


@contextmanager
def forced(executor):
    """Run this thread's launches on one executor."""
    token = _FORCED.set(executor)
    try:
        yield
    finally:
        _FORCED.reset(token)


def gpu():
    """Return the module ``numba.cuda`` if launches go to a GPU, else None.

    The first call tests the GPU, if there is one. Without a driver the call
    takes microseconds and imports nothing.

    Raises
    ------
    RuntimeError
        If ``GPU_COURSE_CUDA=gpu`` and no GPU works; the message says why.
    ValueError
        As `choice`.
    """
    asked = choice()
    if asked not in (None, "gpu"):
        return None
    native, problem = try_gpu()
    if native is None and asked == "gpu":
        raise RuntimeError(
            f"GPU_COURSE_CUDA=gpu asks for a GPU and none works here: "
            f"{problem}. Unset it to use the teaching GPU."
        )
    return native


def uses_gpu():
    """Return whether launches go to a GPU; raises as `gpu`."""
    return gpu() is not None


@functools.cache
def try_gpu():
    """Test the GPU with a small kernel, once per process.

    Returns
    -------
    native : module or None
        ``numba.cuda``, if the result was right.
    problem : str or None
        What is missing. A GPU that fails the test also causes a warning; the
        absence of a GPU does not.
    """
    count, problem = count_gpus()
    if count:
        try:
            return _working_module(), None
        except Exception as error:  # drivers and builds fail in many ways
            problem = f"{type(error).__name__}: {error}".split("\n")[0]
    if count != 0:
        warnings.warn(
            f"there is a GPU, but it fails its first operation ({problem}); "
            "the teaching GPU runs the kernels. 'gpu-course doctor' says "
            "more.",
            stacklevel=3,
        )
    return None, problem


def count_gpus():
    """Ask the driver, without any package, how many GPUs there are.

    Returns
    -------
    count : int or None
        None if there is a driver but it doesn't answer.
    problem : str or None
        Why there are none.
    """
    name = DRIVERS.get(sys.platform)
    if name is None:
        return 0, f"NVIDIA has no driver for {sys.platform}"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0, f"no NVIDIA driver is installed ({name} isn't found)"
    count = ctypes.c_int()
    code = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if code in NO_GPU or (code == 0 and count.value == 0):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES={hidden!r})"
        return 0, f"the driver sees no GPU{why}"
    if code:
        return None, f"the driver answers with error {code}"
    return count.value, None


def _working_module():
    """Return ``numba.cuda`` after testing one of its kernels."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise RuntimeError(
            "the package numba-cuda isn't installed. Install it: "
            'pip install "numba-cuda[cu13]"'
        )
    import numpy as np
    from numba import cuda as native

    @native.jit
    def square(numbers):
        i = native.grid(1)
        if i < numbers.size:
            numbers[i] *= numbers[i]

    numbers = np.arange(40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the small grid is intended
        on_device = native.to_device(numbers)
        square[2, 32](on_device)
        result = on_device.copy_to_host()
    if not np.array_equal(result, numbers * numbers):
        raise RuntimeError("it computes wrong squares")
    return native
