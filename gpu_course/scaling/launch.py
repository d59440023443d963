"""Start ``torchrun`` on this machine, and say clearly what went wrong."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil

import gpu_course

LOOPBACK = {"linux": "lo", "darwin": "lo0"}
LINES = 30  # of the output, in an error


class LaunchError(RuntimeError):
    """The processes failed or didn't finish in time."""


def course_script(name: str) -> Path:
    """Return a file of the course's folder ``scripts``.

    Raises
    ------
    FileNotFoundError
        If the package was installed without that folder.
    """
    path = Path(gpu_course.__file__).parents[1] / "scripts" / name
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: clone the course and install it from the "
            "clone with 'pip install -e .'"
        )
    return path


def torchrun(
    program: str | Path,
    *arguments: str,
    processes: int = 2,
    max_restarts: int = 0,
    timeout_s: float = 240,
) -> str:
    """Run a program in several processes of this machine; return its output.

    Each process gets one CPU thread. They meet at the loopback address, so
    neither a network nor a name of this machine is needed.

    Parameters
    ----------
    program : path
    *arguments : str
        Of the program.
    processes : int
    max_restarts : int
        How often all processes are started again after one has died.
    timeout_s : float
        After this time all of them are killed.

    Raises
    ------
    LaunchError
        With the first traceback, if the program fails; with the end of the
        output, if it takes too long.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--local-addr=127.0.0.1", f"--nproc-per-node={processes}"]
    command += [f"--max-restarts={max_restarts}", str(program), *arguments]
    launched = subprocess.Popen(
        command,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        output, _ = launched.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill(launched)
        output, _ = launched.communicate()
        raise LaunchError(
            f"{processes} processes didn't finish within {timeout_s:g} s; is "
            "the machine busy, or do they wait for each other?\n"
            + _end_of(output)
        ) from None
    finally:
        _kill(launched)  # also after "interrupt kernel"
    if launched.returncode:
        raise LaunchError(
            f"torchrun ended with exit code {launched.returncode}. If the "
            "lines below speak of a rendezvous, a socket or a connection, "
            "the processes could not reach each other at 127.0.0.1.\n"
            + _first_fault(output)
        )
    return output


def _environment():
    """Return the environment of the processes: one thread, this package."""
    root = str(Path(gpu_course.__file__).parents[1])
    paths = [root, os.environ.get("PYTHONPATH")]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        # Else restarted processes may read the addresses of the dead ones:
        # pytorch/pytorch issue 135712, seen with torch 2.14.
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    if sys.platform in LOOPBACK:  # else gloo looks up this machine's name
        environment["GLOO_SOCKET_IFNAME"] = LOOPBACK[sys.platform]
    if os.name == "nt":  # torch for Windows comes without libuv
        environment["USE_LIBUV"] = "0"
    return environment


def _kill(launched):
    """Kill the launcher and all that it started, if it still runs."""
    if launched.poll() is not None:
        return
    try:
        family = psutil.Process(launched.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for process in [launched, *family]:
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            process.kill()


def _first_fault(output):
    """Return the output from the first traceback on: what follows is noise."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if "Traceback" in line:
            return "\n".join(lines[number : number + LINES])
    return _end_of(output)


def _end_of(output):
    return "\n".join(output.splitlines()[-LINES:])
