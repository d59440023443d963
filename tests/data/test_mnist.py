"""MNIST as it was published, whatever happens to the cache."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision import datasets

from gpu_course.data import carried, mnist

PUBLISHED = {  # SHA-256 of the files on yann.lecun.com, unpacked
    "train-images-idx3-ubyte": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": (
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": (
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
LABELS = "t10k-labels-idx1-ubyte"  # the smallest of the four
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A cache that holds the four files."""
    return mnist.mnist_root(tmp_path_factory.mktemp("mnist"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a folder of its own for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def digests(root):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (root / "MNIST" / "raw").iterdir()
    }


def test_the_unpacked_files_are_the_published_ones(root):
    assert digests(root) == PUBLISHED


@pytest.mark.parametrize("split", ["train", "test"])
def test_torchvision_reads_the_same(root, split):
    images, labels = mnist.load_mnist(split, root)
    theirs = datasets.MNIST(root, train=split == "train", download=False)
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert torch.equal(images, theirs.data)
    assert torch.equal(labels, theirs.targets)


def test_the_environment_names_the_cache(cache):
    mnist.load_mnist("test")
    assert set(digests(cache)) == {LABELS, "t10k-images-idx3-ubyte"}
    assert mnist.mnist_root() == cache
    assert digests(cache) == PUBLISHED


def test_what_is_loaded_can_be_changed_without_changing_the_file(cache):
    for _ in ("unpacked", "read from the cache"):
        images, _ = mnist.load_mnist("test")
        assert images.sum() > 0
        images.zero_()


def test_ten_processes_at_once_fill_an_empty_cache(cache, tmp_path):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "import numpy\n"
        "from gpu_course.data.mnist import mnist_root\n"
        "print('here', flush=True)\n"
        "sys.stdin.readline()\n"
        "mnist_root()\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    for process in started:
        assert process.stdout.readline() == "here\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 10, said
    assert digests(cache) == PUBLISHED
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize("damage", ["truncated", "empty", "changed"])
def test_a_damaged_cache_file_is_named_and_restored(cache, damage):
    mnist.load_mnist("test")
    path = cache / "MNIST" / "raw" / LABELS
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    damaged = {"truncated": content[:5000], "empty": b"", "changed": content}
    path.write_bytes(damaged[damage])
    got = hashlib.sha256(damaged[damage]).hexdigest()
    with pytest.warns(UserWarning, match="is damaged") as caught:
        _, labels = mnist.load_mnist("test")
    (warning,) = caught
    for part in (str(path), f"expected SHA-256 {PUBLISHED[LABELS]}", got):
        assert part in str(warning.message)
    assert len(labels) == 10_000
    assert digests(cache)[LABELS] == PUBLISHED[LABELS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mnist.load_mnist("test")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's test split, which may be damaged."""
    copy = tmp_path / "package" / "mnist"
    copy.mkdir(parents=True)
    original = carried.FILES / "mnist"
    for path in [original / "SHA256SUMS", *original.glob("t10k*")]:
        shutil.copy(path, copy)

    monkeypatch.setattr(carried, "FILES", copy.parent)
    return copy


def test_the_copy_of_the_package_is_good_before_it_is_damaged(package, cache):
    _, labels = mnist.load_mnist("test")
    assert len(labels) == 10_000


@pytest.mark.parametrize(
    ("damage", "got"),
    [
        (lambda content: content[:2000], "EOFError"),
        (lambda content: b"<html>404</html>", "BadGzipFile"),
        (lambda content: b"", "SHA-256 e3b0c442"),
        (lambda content: content[:50] + bytes(50) + content[100:], "error"),
        (None, "FileNotFoundError"),
    ],
    ids=["truncated", "another file", "empty", "overwritten", "missing"],
)
def test_a_damaged_package_is_an_error(package, cache, damage, got):
    path = package / f"{LABELS}.gz"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(carried.DataError) as caught:
        mnist.load_mnist("test")
    message = str(caught.value)
    # The unpacked name, which the packed one begins with.
    for part in (str(path.with_suffix("")), PUBLISHED[LABELS], f"got {got}"):
        assert part in message
    assert not (cache / "MNIST" / "raw" / LABELS).exists()


def test_a_good_file_of_another_content_is_an_error(package, cache):
    images = package / "t10k-images-idx3-ubyte.gz"
    shutil.copy(package / f"{LABELS}.gz", images)
    got = f"got SHA-256 {PUBLISHED[LABELS]}"
    with pytest.raises(carried.DataError, match=got):
        mnist.load_mnist("test")


def test_an_impossible_cache_falls_back_with_a_warning(cache, tmp_path):
    cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="GPU_COURSE_DATA") as caught:
        folder = mnist.mnist_root()
    (warning,) = caught
    assert str(cache) in str(warning.message)
    assert str(folder) in str(warning.message)
    assert folder.parent == tmp_path / "temporary"
    assert digests(folder) == PUBLISHED
    assert cache.is_file()


def test_a_read_only_cache_falls_back_with_a_warning(
    cache, tmp_path, monkeypatch
):
    write = mnist.write_atomically

    def write_elsewhere(path, content):
        if path.is_relative_to(cache):
            raise PermissionError(13, "Permission denied", str(path))
        write(path, content)

    monkeypatch.setattr(mnist, "write_atomically", write_elsewhere)
    with pytest.warns(UserWarning, match=r"\(Permission denied\)"):
        images, _ = mnist.load_mnist("test")
    assert len(images) == 10_000
    (folder,) = (tmp_path / "temporary").iterdir()
    assert LABELS in digests(folder)


def test_the_fallback_needs_no_name_of_the_user(cache, monkeypatch):
    pwd = pytest.importorskip("pwd")

    def nobody(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    cache.write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="GPU_COURSE_DATA"):
        folder = mnist.mnist_root()
    assert folder.name == f"gpu-course-{os.getuid()}"


@pytest.mark.parametrize(
    "function", [mnist.load_mnist, mnist.preload, mnist.mnist_loader]
)
@pytest.mark.parametrize("split", ["validation", "", None, 0])
def test_a_bad_split_is_named(root, function, split):
    expected = f"split must be 'train' or 'test', got {split!r}"
    with pytest.raises(ValueError, match=expected):
        function(split, root=root)


@pytest.mark.parametrize(
    ("mean", "std"), [(0.5, 0.5), (mnist.MEAN, mnist.STD)]
)
def test_preloading_gives_what_the_loader_gives(root, mean, std):
    loader = mnist.mnist_loader("test", 1000, mean, std, root)
    theirs, labels = next(iter(loader))
    ours = mnist.preload("test", "cpu", mean, std, root)
    assert len(ours) == 10_000
    assert ours.tensors[0].dtype == theirs.dtype == torch.float32
    torch.testing.assert_close(ours.tensors[0][:1000], theirs)
    assert torch.equal(ours.tensors[1][:1000], labels)


def test_the_constants_are_those_of_the_training_pixels(root):
    images, _ = mnist.load_mnist("train", root)
    pixels = images.numpy() / np.float32(255)
    assert round(float(pixels.mean(dtype="f8")), 4) == mnist.MEAN
    assert round(float(pixels.std(dtype="f8")), 4) == mnist.STD


def test_normalising_leaves_the_images_alone():
    images = torch.full((2, 28, 28), 255, dtype=torch.uint8)
    result = mnist.normalise(images, mean=0.5, std=0.25)
    torch.testing.assert_close(result, torch.full((2, 1, 28, 28), 2.0))
    assert (images == 255).all()


def test_the_loader_shuffles_the_training_split_only(root):
    train = mnist.mnist_loader("train", 32, root=root)
    images, labels = next(iter(train))
    assert images.shape == (32, 1, 28, 28)
    assert labels.shape == (32,)
    assert len(train) == 1875
    _, stored = mnist.load_mnist("train", root)
    assert not torch.equal(labels, stored[:32])
    _, stored = mnist.load_mnist("test", root)
    _, labels = next(iter(mnist.mnist_loader("test", root=root)))
    assert torch.equal(labels, stored[:100])


def test_the_loader_passes_other_arguments_on(root):
    loader = mnist.mnist_loader(
        "train", 7, root=root, shuffle=False, drop_last=True
    )
    _, stored = mnist.load_mnist("train", root)
    assert torch.equal(next(iter(loader))[1], stored[:7])
    assert len(loader) == 60_000 // 7


def numbered(count):
    numbers = torch.arange(count)
    return TensorDataset(numbers.float() / 2, numbers)


def test_a_validation_split_is_disjoint_and_complete():
    train, validation = mnist.split_validation(numbered(100), 30)
    assert (len(train), len(validation)) == (70, 30)
    parts = torch.cat([train.tensors[1], validation.tensors[1]])
    assert torch.equal(parts.sort().values, torch.arange(100))
    for part in (train, validation):
        assert torch.equal(part.tensors[0], part.tensors[1] / 2)


def test_a_validation_split_depends_on_the_seed_only():
    first = mnist.split_validation(numbered(100), 30)[1].tensors[1]
    torch.manual_seed(99)
    again = mnist.split_validation(numbered(100), 30, seed=0)[1].tensors[1]
    other = mnist.split_validation(numbered(100), 30, seed=1)[1].tensors[1]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("count", [-1, 0, 100, 101])
def test_a_validation_split_leaves_something_on_both_sides(count):
    with pytest.raises(ValueError, match=f"between 1 and 99, got {count}"):
        mnist.split_validation(numbered(100), count)


def test_the_loader_is_the_articles_by_default(root):
    """Batches of 100, pixels from -1 to 1, the training split shuffled."""
    loader = mnist.mnist_loader("test", root=root)
    assert loader.batch_size == 100
    pixels, _ = mnist.load_mnist("test", root)
    (images, _), *_ = loader
    expected = (pixels[:100] / np.float32(255) - 0.5) / 0.5
    np.testing.assert_allclose(images[:, 0], expected, rtol=0, atol=1e-6)
    samplers = {
        split: type(mnist.mnist_loader(split, root=root).sampler).__name__
        for split in ("train", "test")
    }
    assert samplers == {
        "train": "RandomSampler",
        "test": "SequentialSampler",
    }
