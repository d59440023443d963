"""Which device to use, and what this machine is."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import warnings
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numba", "numpy", "jupyterlab")


def pick_device(device=None):
    """Return the device to compute on: a ``torch.device``.

    Parameters
    ----------
    device : str or torch.device, optional
        ``"cpu"``, ``"cuda"`` or ``"mps"``. Default: the environment variable
        ``GPU_COURSE_DEVICE``, else the first of CUDA and Apple's MPS that
        passes `try_device`, else the CPU.

    Raises
    ------
    ValueError
        If the device asked for is unknown or does not work here.
    """
    import torch

    device = device or os.environ.get("GPU_COURSE_DEVICE") or None
    if device is None:
        for kind in ("cuda", "mps"):
            if getattr(torch, kind).is_available():
                problem = try_device(kind)
                if problem is None:
                    return torch.device(kind)
                warnings.warn(
                    f"{kind} is there but fails its first operation "
                    f"({problem}); using the CPU. 'gpu-course doctor' "
                    "says more.",
                    stacklevel=2,
                )
        return torch.device("cpu")
    asked = device
    try:
        device = torch.device(asked)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'mps', got {str(asked)!r}"
        )
    if device.type != "cpu":
        problem = try_device(device)
        if problem is not None:
            raise ValueError(
                f"the device {str(device)!r} does not work here: {problem}; "
                "'gpu-course doctor' says more"
            )
    return device


def try_device(device):
    """Multiply two small matrices on the device and compare with the CPU.

    ``is_available`` can be True where the first operation fails: an old GPU
    with a new build of torch. So this computes.

    Returns
    -------
    None if the product is right, else one line that says what went wrong.
    """
    import torch

    a = torch.arange(64.0).view(8, 8)
    try:
        product = (a.to(device) @ a.to(device)).cpu()
    except Exception as error:  # drivers and builds fail in many ways
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    if not torch.equal(product, a @ a):
        return "it computes a wrong matrix product"
    return None


def place(model, device):
    """Move a model to the device and return it.

    On the CPU convolutions were measured to be faster with channels last; on
    other devices the layout stays as it is.
    """
    import torch

    if torch.device(device).type == "cpu":
        return model.to(device, memory_format=torch.channels_last)
    return model.to(device)


@dataclass(frozen=True)
class Machine:
    """What a timing depends on. Memory is in GiB; None where unknown."""

    cpu: str
    cores: int
    threads: int
    memory_gib: float
    system: str
    python: str
    gpu: str | None
    gpu_memory_gib: float | None
    driver: str | None
    cuda: str | None
    device: str
    packages: dict

    def rows(self):
        """Return the report as pairs of (name, value), all text."""
        gpu = self.gpu or "none"
        if self.gpu_memory_gib:
            gpu += f", {self.gpu_memory_gib:.0f} GiB"
        return [
            ("processor", self.cpu),
            ("cores", f"{self.cores}, torch uses {self.threads} thread(s)"),
            ("memory", f"{self.memory_gib:.0f} GiB"),
            ("system", self.system),
            ("GPU", gpu),
            ("GPU driver", self.driver or "none"),
            ("CUDA in torch", self.cuda or "none"),
            ("the course uses", self.device),
            ("Python", self.python),
            *((name, version) for name, version in self.packages.items()),
        ]

    def to_dict(self):
        """Return the report as a dict that JSON can hold."""
        return asdict(self)

    def __str__(self):
        return "\n".join(f"{name:<16} {value}" for name, value in self.rows())

    def _repr_html_(self):
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(value)}</td></tr>"
            for name, value in self.rows()
        )
        return f"<table>{rows}</table>"


def machine_report():
    """Look at this machine and return a `Machine`.

    It holds no names of people, hosts or folders.
    """
    import psutil
    import torch

    gpu = gpu_memory = None
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        gpu, gpu_memory = properties.name, properties.total_memory / 2**30
    elif torch.backends.mps.is_available():
        gpu = f"{_cpu_name()} (MPS)"
    return Machine(
        cpu=_cpu_name(),
        cores=psutil.cpu_count(logical=False) or os.cpu_count(),
        threads=torch.get_num_threads(),
        memory_gib=psutil.virtual_memory().total / 2**30,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        gpu=gpu,
        gpu_memory_gib=gpu_memory,
        driver=nvidia_smi("driver_version"),
        cuda=torch.version.cuda,
        device=pick_device().type,
        packages={name: _version(name) for name in PACKAGES},
    )


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def nvidia_smi(field):
    """Ask the NVIDIA driver about the first GPU; None if there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else None


def _cpu_name():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
    return platform.processor() or platform.machine()
