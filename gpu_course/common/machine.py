"""A report on this machine, to read beside its timings."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from gpu_course.common.device import pick_device

PACKAGES = ("torch", "torchvision", "numba", "numpy", "jupyterlab")


@dataclass(frozen=True)
class Machine:
    """The hardware and software that timings depend on.

    Memory is in GiB. Unknown values are None.
    """

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

    def rows(self) -> list[tuple[str, str]]:
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

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a dict that can be written as JSON."""
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


def machine_report() -> Machine:
    """Inspect this machine and return a `Machine`.

    The report holds no names of people, hosts or folders.
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
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
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


def nvidia_smi(field: str) -> str | None:
    """Return what the NVIDIA driver says about the first GPU, or None."""
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
