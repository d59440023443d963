"""Where the course keeps its own files, and how it writes them."""

import contextlib
import os
import secrets
import time
from pathlib import Path

ABANDONED_AFTER_S = 3600


def cache_folder() -> Path:
    """Return the folder for unpacked data and trained models.

    The environment variable ``GPU_COURSE_DATA`` overrides the platform's
    usual cache folder. The folder need not exist yet.
    """
    override = os.environ.get("GPU_COURSE_DATA")
    if override:
        return Path(override).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("gpu-course", appauthor=False)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write bytes to `path` so that readers see the old file or the new one.

    The bytes go to a new file in the same folder, which then replaces the old
    one. If the process is killed or the disk is full, one of the two complete
    files remains. A killed process can leave a temporary file behind; a later
    call removes it once it is an hour old.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}."
    _remove_abandoned(path.parent, prefix)
    part = path.with_name(prefix + secrets.token_hex(6))
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _replace(part, path):
    """Rename a file; on Windows, retry while another process reads it."""
    for _ in range(20 if os.name == "nt" else 0):
        with contextlib.suppress(PermissionError):
            part.replace(path)
            return
        time.sleep(0.05)
    part.replace(path)


def _remove_abandoned(folder, prefix):
    for part in folder.iterdir():
        if part.name.startswith(prefix):
            with contextlib.suppress(OSError):  # already removed
                if time.time() - part.stat().st_mtime > ABANDONED_AFTER_S:
                    part.unlink()
