"""Check what works on this machine, and say how to fix what doesn't."""

import importlib.metadata
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gpu_course.common.device import pick_device, try_device
from gpu_course.common.machine import machine_report, nvidia_smi

NEEDED = (
    "anywidget",
    "ipywidgets",
    "jupyterlab",
    "matplotlib",
    "numba",
    "numpy",
    "pillow",
    "platformdirs",
    "psutil",
    "safetensors",
    "torch",
    "torchvision",
    "tqdm",
)
IMPORT_NAMES = {"pillow": "PIL"}
GPU_BUILDS = "https://pytorch.org/get-started/locally/"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    name : str
    status : {"ok", "absent", "problem"}
        "absent" is not a fault: the course runs without it.
    message : str
        What was found and, for a problem, how to fix it.
    """

    name: str
    status: str
    message: str


def diagnose() -> list[Finding]:
    """Try everything that the course needs and return a list of `Finding`."""
    return [
        _python(),
        *(_package(name) for name in NEEDED),
        _data(),
        _compiler(),
        _kernels(),
        _kernel_compiler(),
        _cpu(),
        _cuda(),
        _mps(),
        _device(),
        _disk(),
    ]


def diagnosis(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings and the machine as a dict, ready for JSON."""
    return {
        "ok": all(finding.status != "problem" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
        "machine": _machine(),
    }


def _machine():
    """Return the machine report as a dict, or None if it fails itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the findings say it
            return machine_report().to_dict()
    except Exception:  # a broken torch can raise anything
        return None


def _python():
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 14):
        return Finding("python", "ok", version)
    return Finding(
        "python", "problem", f"{version}: the course needs Python 3.11 to 3.14"
    )


def _package(name):
    """Check a package by importing it: a broken one has metadata too."""
    try:
        __import__(IMPORT_NAMES.get(name, name))
    except Exception as error:  # a broken binary can raise anything
        reason = (
            str(error).splitlines()[0] if str(error) else "no reason given"
        )
        return Finding(
            name,
            "problem",
            f"does not import ({type(error).__name__}: {reason}); delete "
            "the folder .venv and run 'make lab', or update the conda "
            "environment",
        )
    return Finding(name, "ok", importlib.metadata.version(name))


def _data():
    try:
        from gpu_course.data.mnist import load_mnist

        images, _ = load_mnist("test")
    except Exception as error:
        return Finding("MNIST", "problem", str(error))
    return Finding("MNIST", "ok", f"{len(images):,} test images, verified")


def _compiler():
    """Check that Numba compiles a function that gives the right sum."""
    try:
        import numba

        total = numba.njit(lambda n: sum(range(n)))(10)
    except Exception as error:
        return Finding("Numba's compiler", "problem", str(error))
    if total != 45:
        return Finding("Numba's compiler", "problem", f"0+…+9 gave {total}")
    return Finding("Numba's compiler", "ok", "compiled a function and ran it")


def _kernels():
    """Check what runs CUDA kernels here: a GPU or the teaching GPU."""
    try:
        from gpu_course.cuda import backend

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the finding says it
            native = backend.gpu()
            if native is None:
                asked, problem = backend.choice(), backend.try_gpu()[1]
                fails = not asked and backend.count_gpus()[0] != 0
    except Exception as error:  # importing numba-cuda can fail too
        return Finding("kernels", "problem", str(error))
    if native is not None:
        return Finding("kernels", "ok", "the GPU ran one with numba-cuda")
    if fails:
        return Finding("kernels", "problem", f"the GPU fails: {problem}")
    why = f"GPU_COURSE_CUDA is {asked}" if asked else problem
    return Finding("kernels", "ok", f"the teaching GPU runs them: {why}")


def _kernel_compiler():
    """Check that the GPU compiler compiles a kernel; it needs no GPU."""
    try:
        from gpu_course import cuda
        from gpu_course.cuda import compiler

        problem = compiler.missing()
        if problem:
            return Finding("CUDA compiler", "absent", problem)

        @cuda.jit("void(float32[::1])")
        def double(x):
            i = cuda.grid(1)
            if i < x.size:
                x[i] += x[i]

        registers = double.resources(80).registers
        compiler.disassembler()
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return Finding("CUDA compiler", "problem", reason)
    return Finding(
        "CUDA compiler", "ok", f"compiled a kernel: {registers} registers"
    )


def _cpu():
    problem = _try("cpu")
    if problem:
        return Finding("CPU", "problem", f"{problem}; install torch again")
    return Finding("CPU", "ok", "computed a matrix product")


def _try(device):
    """Do what `try_device` does, even if torch itself does not import."""
    try:
        return try_device(device)
    except Exception as error:  # on Windows a missing library is an OSError
        return str(error) or type(error).__name__


def _cuda():
    driver = nvidia_smi("driver_version")
    gpu = nvidia_smi("name")
    try:
        import torch
    except Exception:
        return Finding("CUDA", "absent", "not tried: torch does not import")
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        problem = _try("cuda")
        if problem is None:
            return Finding("CUDA", "ok", f"{name} computed a matrix product")
        built = " ".join(torch.cuda.get_arch_list())
        return Finding(
            "CUDA",
            "problem",
            f"{name} fails: {problem}. This torch is built for {built}; if "
            f"your GPU is older, take an older build: {GPU_BUILDS}",
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return Finding("CUDA", "absent", "CUDA_VISIBLE_DEVICES hides all GPUs")
    if driver is None:
        return Finding(
            "CUDA",
            "absent",
            "no NVIDIA driver answers; without a GPU the course runs on the "
            "CPU. If there is one, install its driver",
        )
    if torch.version.cuda is None:
        return Finding(
            "CUDA",
            "problem",
            f"{gpu} with driver {driver} is there, but this torch is a "
            "CPU-only build: see 'GPU build' in the README",
        )
    return Finding(
        "CUDA",
        "problem",
        f"{gpu} with driver {driver} is there, but torch for CUDA "
        f"{torch.version.cuda} cannot use it: update the driver, or take a "
        f"build for an older CUDA: {GPU_BUILDS}",
    )


def _mps():
    if sys.platform != "darwin":
        return Finding("MPS", "absent", "only Apple computers have it")
    try:
        import torch
    except Exception:
        return Finding("MPS", "absent", "not tried: torch does not import")
    if not torch.backends.mps.is_available():
        return Finding("MPS", "absent", "this macOS or torch does not have it")
    problem = _try("mps")
    if problem:
        return Finding("MPS", "problem", f"{problem}; update macOS and torch")
    return Finding("MPS", "ok", "computed a matrix product")


def _device():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # failures are findings above
            device = pick_device()
    except ValueError as error:
        return Finding(
            "device", "problem", f"{error}; change or unset GPU_COURSE_DEVICE"
        )
    except Exception:
        return Finding("device", "absent", "not tried: torch does not import")
    return Finding("device", "ok", f"the course uses {device}")


def _disk():
    try:
        from gpu_course.common.files import cache_folder, write_atomically

        folder = cache_folder()
        write_atomically(folder / "doctor", b"was here")
        (folder / "doctor").unlink(missing_ok=True)
        free_mb = shutil.disk_usage(folder).free / 1e6
    except Exception as error:
        return Finding(
            "disk",
            "problem",
            f"the folder for data and models cannot be written ({error}): "
            "set GPU_COURSE_DATA to one of yours",
        )
    if free_mb < 100:
        return Finding(
            "disk",
            "problem",
            f"{free_mb:.0f} MB free for unpacked data and models: free "
            "100 MB, or set GPU_COURSE_DATA to a folder elsewhere",
        )
    return Finding("disk", "ok", f"{free_mb / 1000:.0f} GB free")
