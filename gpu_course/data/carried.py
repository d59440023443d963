"""The data that comes with the package: verified bytes, nothing unpacked.

Each folder in ``files/`` holds one data set as it was published, its licence
and ``SHA256SUMS``, the checksums of the unpacked files.
"""

import gzip
import hashlib
import zlib
from importlib import resources

FILES = resources.files("gpu_course.data") / "files"


class DataError(RuntimeError):
    """A data file of the package is damaged."""


def checksums(folder: str) -> dict[str, str]:
    """Return {file name: SHA-256 of the unpacked file} of one data set."""
    text = (FILES / folder / "SHA256SUMS").read_text()
    return {name: digest for digest, name in map(str.split, text.splitlines())}


def carried(folder: str, name: str) -> bytes:
    """Return the verified content of one of the package's data files.

    Parameters
    ----------
    folder : str
        The data set: a folder in ``files/``.
    name : str
        The file's name once unpacked: ``input.txt`` for ``input.txt.gz``.

    Raises
    ------
    DataError
        If the file is missing, or isn't the one that was published.
    """
    packed = FILES / folder / f"{name}.gz"
    path = packed if packed.is_file() else FILES / folder / name
    digest = checksums(folder)[name]
    content = None
    try:
        content = path.read_bytes()
        if path == packed:
            content = gzip.decompress(content)
        got = f"SHA-256 {hashlib.sha256(content).hexdigest()}"
    except (OSError, EOFError, ValueError, zlib.error) as error:
        got = f"{type(error).__name__}: {error}"
    if got != f"SHA-256 {digest}":
        raise DataError(
            f"{path} is damaged: expected SHA-256 {digest} once unpacked, "
            f"got {got}; restore it with 'git checkout -- "
            f"gpu_course/data/files/{folder}' or install the package again"
        )
    assert content is not None
    return content
