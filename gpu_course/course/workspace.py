"""The reader's working copy of the notebooks, and JupyterLab opened on it.

The notebooks in ``notebooks/`` are the course. A reader solves exercises in
the copy in ``work/notebooks/``. Git ignores it, and no update overwrites it.
"""

import hashlib
import json
import os
import platform
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import gpu_course
from gpu_course.common.files import write_atomically

FIRST = "00_start_here.ipynb"
DEFAULT_PORT = 8888
START_TIMEOUT_S = 120


class WorkspaceError(RuntimeError):
    """A problem with folders, chapters or ports that the reader can fix."""


def course_root() -> Path:
    """Return the folder that holds ``notebooks/`` and ``tests/``.

    Raises
    ------
    WorkspaceError
        If the package was installed without them.
    """
    root = Path(gpu_course.__file__).parent.parent
    if not (root / "notebooks" / FIRST).is_file():
        raise WorkspaceError(
            f"no notebooks beside the package in {root}: clone the course "
            "and install it from the clone with 'pip install -e .'"
        )
    return root


def update_copy(root: Path) -> list[str]:
    """Copy files missing from the working copy; overwrite nothing.

    Returns
    -------
    list of str
        Chapters whose originals have changed since they were copied.
    """
    source, copy = root / "notebooks", root / "work" / "notebooks"
    register = copy / ".originals.json"
    try:
        copied = json.loads(register.read_text())
    except (OSError, ValueError):
        copied = {}
    changed = []
    for original in sorted(source.rglob("*")):
        name = original.relative_to(source).as_posix()
        if not original.is_file() or ".ipynb_checkpoints" in name:
            continue
        content = original.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if not (copy / name).exists():
            write_atomically(copy / name, _for_this_python(content))
            copied[name] = digest
        elif copied.setdefault(name, digest) != digest:
            changed.append(name)
    write_atomically(register, json.dumps(copied, indent=1).encode())
    return changed


def reset_chapter(root: Path, number: str) -> tuple[Path, Path | None]:
    """Restore a chapter of the working copy and keep the reader's version.

    Returns
    -------
    chapter : Path
    kept : Path or None
        The reader's version, if there was one.
    """
    originals = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    number = number.zfill(2)
    chosen = [path for path in originals if path.name.startswith(f"{number}_")]
    if not chosen:
        there = ", ".join(path.name[:2] for path in originals)
        raise WorkspaceError(f"no chapter {number}; there are {there}")
    update_copy(root)
    chapter = root / "work" / "notebooks" / chosen[0].name
    original, kept = chosen[0].read_bytes(), None
    if chapter.read_bytes() != _for_this_python(original):
        index = 1
        while (kept := _beside(chapter, index)).exists():
            index += 1
        assert kept is not None
        chapter.rename(kept)
        update_copy(root)
    register = chapter.parent / ".originals.json"
    copied = json.loads(register.read_text())
    copied[chapter.name] = hashlib.sha256(original).hexdigest()
    write_atomically(register, json.dumps(copied, indent=1).encode())
    return chapter, kept


def _for_this_python(content):
    """Return a notebook with Python's version, which the originals lack.

    JupyterLab compares the kernel's language information with that of the
    notebook, and marks the notebook as changed if they differ. Other content
    is returned unchanged.
    """
    lexer = b'"pygments_lexer": "ipython3"'
    version = f',\n   "version": "{platform.python_version()}"'
    return content.replace(lexer + b"\n", lexer + version.encode() + b"\n")


def _beside(chapter: Path, index: int) -> Path:
    return chapter.with_name(f"{chapter.stem}.old-{index}.ipynb")


def pick_port(port: int | None = None) -> int:
    """Return a free port on the loopback address.

    Parameters
    ----------
    port : int, optional
        The required port. Default: the first free one from 8888 up.
    """
    if port is not None:
        if not 0 < port < 65536:
            raise WorkspaceError(
                f"port must be between 1 and 65535, got {port}"
            )
        if not _free(port):
            raise WorkspaceError(
                f"port {port} is taken: name another, "
                f"e.g. 'make lab PORT={port + 1}'"
            )
        return port
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + 50):
        if _free(candidate):
            return candidate
    raise WorkspaceError(
        f"ports {DEFAULT_PORT} to {DEFAULT_PORT + 49} are all taken: name a "
        "free one with 'make lab PORT=…'"
    )


def _free(port):
    with socket.socket() as probe:
        if os.name != "nt":  # on Windows two servers could share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def open_lab(port: int | None = None, browser: bool = True) -> int:
    """Open JupyterLab on the working copy; return its exit code.

    It listens only on the loopback address and uses a fresh token.
    """
    root = course_root()
    port = pick_port(port)
    for name in update_copy(root):
        print(f"{name} has a newer version: {_how_to_take(name)}.")
    token = secrets.token_hex(24)
    page = f"/lab/tree/notebooks/{FIRST}"
    command = [sys.executable, "-m", "jupyterlab", "--log-level=WARN"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", "--ServerApp.base_url=/"]
    command += [f"--LabApp.default_url={page}"]
    command += [f"--ServerApp.root_dir={root / 'work'}"]
    extensions = Path(__file__).parent / "labextensions"
    command += [f"--LabApp.extra_labextensions_path={extensions}"]
    command += [] if browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    configs = [str(Path(__file__).parent / "jupyter_config")]
    configs += filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": token,  # other users can see the command line
        # The reader's own settings for Jupyter could switch the token off.
        "JUPYTER_CONFIG_DIR": str(root / "work" / ".jupyter"),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(configs),
    }
    # On SIGTERM, end the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = subprocess.Popen(command, env=environment)
    try:
        if _wait_until_up(server, port, token):
            print(
                f"\nThe course is open at\n\n    http://127.0.0.1:{port}"
                f"{page}?token={token}\n\nCtrl-C here ends it.",
                flush=True,
            )
        return server.wait()
    except KeyboardInterrupt:
        # In a terminal the server gets Ctrl-C too, and asks whether to end.
        if not (sys.stdin and sys.stdin.isatty()):
            server.terminate()
        return server.wait()
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()


def _how_to_take(name):
    if re.fullmatch(r"\d\d_[^/]*\.ipynb", name):
        return (
            f"'gpu-course reset {name[:2]}' takes it and keeps yours beside it"
        )
    return f"delete work/notebooks/{name} and start again to take it"


def _wait_until_up(server, port, token):
    # Use the token: another server may have taken the port in the meantime.
    url = f"http://127.0.0.1:{port}/api/status"
    headers = {"Authorization": f"token {token}"}
    # Ignore any proxy in the environment: the request is local.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < end:
        try:
            request = urllib.request.Request(url, headers=headers)
            direct.open(request, timeout=2).close()
            return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False
