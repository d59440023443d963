"""A file is the old one or the new one, never a part of either."""

import errno
import os
import threading
from pathlib import Path

import platformdirs
import pytest

from gpu_course.common.files import cache_folder, write_atomically


def test_the_environment_names_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "not there yet"))
    assert cache_folder() == tmp_path / "not there yet"


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", "~/digits")
    assert cache_folder() == Path.home() / "digits"


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_is_the_platforms_cache_folder(monkeypatch, value):
    monkeypatch.delenv("GPU_COURSE_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("GPU_COURSE_DATA", value)
    expected = platformdirs.user_cache_dir("gpu-course", appauthor=False)
    assert cache_folder() == Path(expected)


def test_folders_are_made_and_the_old_file_is_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"old")
    write_atomically(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    monkeypatch, tmp_path
):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "file"
    contents = {bytes([byte]) * 300_000 for byte in range(40)}
    write_atomically(path, bytes(300_000))

    def write():
        for content in contents:
            write_atomically(path, content)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {path.read_bytes()}
    while writer.is_alive():
        seen.add(path.read_bytes())
    writer.join()
    assert seen <= contents


def test_what_a_killed_process_began_is_removed_an_hour_on(tmp_path):
    path = tmp_path / "file"
    abandoned, recent = tmp_path / ".file.abc", tmp_path / ".file.def"
    for part in (abandoned, recent):
        part.write_bytes(b"half")
    os.utime(abandoned, (0, 0))
    write_atomically(path, b"new")
    assert sorted(tmp_path.iterdir()) == [recent, path]
