"""Compile kernels with NVIDIA's compiler and no GPU: PTX, SASS, resources.

Numba compiles a kernel for the GPU that it finds. Here it is told that a GPU
of some compute capability is present. It then compiles up to the machine code
that would be loaded into that GPU. Everything needed comes with pip
(numba-cuda[cu13] and nvidia-cuda-nvdisasm); no CUDA toolkit is used.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from numba.core import sigutils

from gpu_course.cuda.cubin import labelled, section_sizes
from gpu_course.cuda.occupancy import SYSTEM_SHARED, compute_capability

COMPILER, DISASSEMBLER = "numba-cuda[cu13]", "nvidia-cuda-nvdisasm"


@dataclass(frozen=True)
class Resources:
    """The GPU resources that a kernel uses.

    Attributes
    ----------
    registers : int
        32-bit registers per thread.
    shared_bytes : int
        Static shared memory per block; dynamic is added at launch.
    local_bytes : int
        Local memory per thread: arrays, spills, the stack.
    constant_bytes : int
        Arrays in constant memory (``cuda.const``).
    spill_store_bytes, spill_load_bytes : int
        Register spills through local memory, per thread.
    """

    registers: int
    shared_bytes: int
    local_bytes: int
    constant_bytes: int
    spill_store_bytes: int
    spill_load_bytes: int


def ptx(kernel, cc, signature=None):
    """Return the kernel as PTX, the assembly for no particular GPU.

    Parameters
    ----------
    kernel : Kernel
    cc : int, str or tuple of int
        Compute capability: 80, "8.0", "sm_80" or (8, 0).
    signature : signature or tuple of types, optional
        Argument types; default: the decorator's, else the last launch's.

    Returns
    -------
    str

    Raises
    ------
    RuntimeError
        If the compiler is not installed; the message says what to do.
    ValueError
        If the compiler doesn't know ``cc``, or there is no signature.
    numba.core.errors.TypingError
        If Numba can't compile the kernel for these types.
    """
    capability = supported(cc)
    return _compiled(kernel, capability, signature).get_asm_str(capability)


def sass(kernel, cc, signature=None):
    """Return the machine code, labelled with the lines of the source.

    Parameters and errors are those of `ptx`.

    Returns
    -------
    Sass
        A str; its ``instructions`` are pairs of (line, instruction).
    """
    capability = supported(cc)
    lines = {} if kernel.options.get("debug") else {"lineinfo": True}
    library = _compiled(kernel, capability, signature, **lines)
    code, _ = _linked(library, capability)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(code)
        command = [disassembler(), "-c", "-gi", file]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"nvdisasm failed: {done.stderr.strip()}")
    return labelled(done.stdout, kernel.py_func.__code__.co_filename)


def resources(kernel, cc, signature=None):
    """Return the registers and the memory that the kernel uses.

    Parameters and errors are those of `ptx`.

    Returns
    -------
    Resources
    """
    capability = supported(cc)
    library = _compiled(kernel, capability, signature)
    code, said = _linked(library, capability)
    entry = said[said.index(f"properties for {library._entry_name}\n") :]
    numbers = {
        word: int(number)
        for number, word in re.findall(
            r"(\d+) (registers|bytes (?:stack|cumulative|smem))", entry
        )
    }
    spills = re.findall(r"(\d+) bytes spill (stores|loads)", said)
    sections = section_sizes(code)
    shared = numbers.get("bytes smem", 0)
    if not library._lto:  # then the assembler doesn't report it
        shared = sections.get(f".nv.shared.{library._entry_name}", 0)
        if shared and capability >= (9, 0):
            shared -= SYSTEM_SHARED
    return Resources(
        registers=numbers["registers"],
        shared_bytes=shared,
        local_bytes=max(
            numbers["bytes stack"], numbers.get("bytes cumulative", 0)
        ),
        constant_bytes=sections.get(".nv.constant3", 0),
        spill_store_bytes=sum(int(n) for n, w in spills if w == "stores"),
        spill_load_bytes=sum(int(n) for n, w in spills if w == "loads"),
    )


def argument_types(kernel, signature=None):
    """Return the types to compile a kernel for, as a tuple.

    Raises
    ------
    ValueError
        If no signature was given, the decorator has none, and the kernel was
        never launched.
    """
    if signature is None and kernel.signature is not None:
        signature = kernel.signature
        if isinstance(signature, list):
            signature = signature[0]
    if signature is None:
        if not kernel.recorded:
            raise ValueError(
                f"{kernel.__name__} has no argument types to be compiled "
                "for: launch it once, or give signature=, such as "
                "'void(float32[::1], int64)'"
            )
        signature = kernel.recorded[-1]
    return sigutils.normalize_signature(signature)[0]


def missing():
    """Return a sentence on what the compiler lacks here, None if nothing.

    This imports nothing.
    """
    if not _there("numba_cuda", "cuda.core", "cuda.bindings"):
        return _sentence(COMPILER)
    try:
        importlib.metadata.files(DISASSEMBLER)
    except importlib.metadata.PackageNotFoundError:
        return _sentence(DISASSEMBLER)
    return None


def _there(*modules):
    try:
        return all(importlib.util.find_spec(name) for name in modules)
    except ImportError:  # the parent package is missing
        return False


def _sentence(package):
    if sys.platform == "darwin":
        return (
            "NVIDIA has no compiler for macOS, so there are no PTX, SASS and "
            "resources here. Kernels run and are traced all the same."
        )
    return (
        f"the package {package} is not installed, and it holds NVIDIA's "
        f'compiler. Install it: pip install "{package}"'
    )


def supported(cc):
    capability = compute_capability(cc)
    problem = missing()
    if problem:
        raise RuntimeError(problem)
    nvrtc = importlib.import_module("numba.cuda.cudadrv.nvrtc")
    known = nvrtc.get_supported_ccs()
    if capability not in known:
        raise ValueError(
            "the compiler knows the compute capabilities "
            f"{', '.join(f'{a}.{b}' for a, b in known)}, got {cc!r}"
        )
    return capability


@contextlib.contextmanager
def as_if_on(capability):
    """Make Numba compile as if a GPU of this capability were present.

    Numba's compiler lock is held, so no other thread compiles meanwhile.
    """
    from numba.cuda import codegen, dispatcher
    from numba.cuda.core.compiler_lock import global_compiler_lock

    device = SimpleNamespace(compute_capability=capability)
    with (
        global_compiler_lock,
        patch.object(dispatcher, "get_current_device", lambda: device),
        patch.object(
            codegen.CUDACodeLibrary,
            "_ensure_cc",
            lambda library, cc: cc or capability,
        ),
    ):
        yield dispatcher


def _compiled(kernel, capability, signature, **options):
    """Return a kernel's code library, before it becomes machine code."""
    from gpu_course.cuda.native import native

    arguments = argument_types(kernel, signature)
    with as_if_on(capability) as dispatcher:
        form = native(kernel, **options)
        made = dispatcher._Kernel(
            form.py_func, arguments, **form.targetoptions
        )
    return made.library


def _linked(library, capability):
    """Return the machine code, and the assembler's messages about it."""
    from numba.cuda.cudadrv import driver

    class Talkative(driver._Linker):
        def _get_linker_options(self, ptx):
            options = super()._get_linker_options(ptx)
            options.ptxas_options = ["-v"]
            return options

    linker = Talkative(
        max_registers=library._max_registers, cc=capability, lto=library._lto
    )
    library._link_all(linker, capability)
    return linker.complete().code, linker.info_log


def disassembler():
    """Return the path of nvdisasm in the package from pip."""
    files = importlib.metadata.files(DISASSEMBLER) or ()
    (tool,) = [file.locate() for file in files if file.stem == "nvdisasm"]
    return tool
