"""Every data file of the package: what was published, or a sentence."""

import gzip
import shutil

import pytest

from gpu_course.data import carried
from gpu_course.data.carried import DataError

FOLDERS = sorted(
    path.name for path in carried.FILES.iterdir() if path.is_dir()
)
FILES = [(folder, n) for folder in FOLDERS for n in carried.checksums(folder)]


def stored(folder, name):
    packed = carried.FILES / folder / f"{name}.gz"
    return packed if packed.is_file() else carried.FILES / folder / name


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's data, which may be damaged."""
    shutil.copytree(carried.FILES, tmp_path / "files")
    monkeypatch.setattr(carried, "FILES", tmp_path / "files")


def test_there_are_six_data_sets():
    assert FOLDERS == [
        "english_chinese",
        "mnist",
        "msweb",
        "sentiment",
        "shakespeare",
        "spoken_digits",
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_has_a_checksum_and_the_set_a_licence(folder):
    names = {path.name for path in (carried.FILES / folder).iterdir()}
    listed = {stored(folder, name).name for name in carried.checksums(folder)}
    assert names == listed | {"LICENSE", "SHA256SUMS"}


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_good_file_is_read(folder, name):
    content = stored(folder, name).read_bytes()
    if stored(folder, name).suffix == ".gz":
        content = gzip.decompress(content)
    assert carried.carried(folder, name) == content


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed"])
@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_damaged_file_is_a_sentence(package, folder, name, damage):
    path = stored(folder, name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"empty": b"", "cut": content[:-100], "changed": content}
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(damaged[damage])
    with pytest.raises(DataError) as caught:
        carried.carried(folder, name)
    said = str(caught.value)
    assert f"{folder}" in said
    assert f"expected SHA-256 {carried.checksums(folder)[name]}" in said
    assert f"git checkout -- gpu_course/data/files/{folder}" in said
