"""The classifier: from uint8 images to digits, and to a file and back."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from gpu_course.training.checkpoint import CheckpointError, write_tensors
from gpu_course.training.classifier import Classifier
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import fit
from gpu_course.training.recipe import Recipe

MEAN, STD = 0.25, 0.5


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (23, 28, 28), dtype=np.uint8)


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    return Classifier(LeNet(), MEAN, STD, device="cpu")


def test_probabilities_are_those_of_a_forward_pass(classifier, images):
    model = LeNet().double()
    model.load_state_dict(classifier.model.state_dict())
    pixels = torch.from_numpy((images / 255 - MEAN) / STD)
    with torch.no_grad():
        logits = model(pixels[:, None]).numpy()
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    result = classifier.probabilities(images)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-7)
    digits = classifier.predict(images)
    assert digits.dtype == np.int64
    assert np.array_equal(digits, expected.argmax(axis=1))


@pytest.mark.parametrize("batch_size", [1, 7, 23, 1000])
def test_the_batch_size_does_not_matter(classifier, images, batch_size):
    np.testing.assert_allclose(
        classifier.probabilities(images, batch_size),
        classifier.probabilities(images),
        rtol=1e-5,
    )


def test_takes_arrays_tensors_and_single_images(classifier, images):
    expected = classifier.probabilities(images)
    tensor = torch.from_numpy(images)
    for same in (tensor, images[:, None], tensor[:, None], list(images)):
        assert np.array_equal(classifier.probabilities(same), expected)
    one = classifier.probabilities(images[3])
    assert one.shape == (1, 10)
    np.testing.assert_allclose(one[0], expected[3], rtol=1e-5)


def test_leaves_the_images_alone(classifier, images):
    tensor = torch.from_numpy(images.copy())
    classifier.probabilities(tensor)
    assert np.array_equal(tensor.numpy(), images)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (np.zeros((2, 28, 28), np.float32), r"float32 of shape \(2, 28, 28"),
        (np.zeros((2, 28, 28), bool), r"bool of shape \(2, 28, 28"),
        (np.zeros((2, 27, 28), np.uint8), r"uint8 of shape \(2, 27, 28"),
        (np.zeros((2, 3, 28, 28), np.uint8), r"shape \(2, 3, 28, 28"),
        (np.zeros((784,), np.uint8), r"shape \(784,"),
        (np.zeros((28,), np.uint8), r"shape \(28,"),
        (np.uint8(3), r"shape \(\)"),
        (torch.zeros(2, 28, 28), r"float32 of shape \(2, 28, 28"),
    ],
)
def test_wrong_images_are_named(classifier, wrong, named):
    with pytest.raises(ValueError, match=named):
        classifier.predict(wrong)


def test_no_images_give_no_digits(classifier):
    none = np.zeros((0, 28, 28), np.uint8)
    assert classifier.probabilities(none).shape == (0, 10)
    assert classifier.predict(none).shape == (0,)


def test_save_and_load_give_the_same_bits(classifier, images, tmp_path):
    path = tmp_path / "folder" / "lenet.safetensors"
    classifier.save(path)
    loaded = Classifier.load(path, "cpu")
    assert (loaded.mean, loaded.std) == (MEAN, STD)
    expected = classifier.probabilities(images)
    assert np.array_equal(loaded.probabilities(images), expected)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


FRESH = """
import sys
import numpy as np
import torch
from gpu_course.training.classifier import Classifier
torch.set_num_threads(int(sys.argv[4]))
images = np.load(sys.argv[2])
np.save(sys.argv[3], Classifier.load(sys.argv[1], "cpu").probabilities(images))
"""


def test_a_fresh_process_gets_the_same_bits(classifier, images, tmp_path):
    paths = [tmp_path / name for name in ("lenet", "images.npy", "out.npy")]
    classifier.save(paths[0])
    np.save(paths[1], images)
    subprocess.run(
        [sys.executable, "-c", FRESH, *paths, str(torch.get_num_threads())],
        check=True,
    )
    expected = classifier.probabilities(images)
    assert np.array_equal(np.load(paths[2]), expected)


def test_loads_a_training_checkpoint(images, tmp_path):
    path = tmp_path / "run.safetensors"
    torch.manual_seed(0)
    model = LeNet()
    data = TensorDataset(torch.randn(20, 1, 28, 28), torch.arange(20) % 10)
    recipe = Recipe("adam", 0.01, 8, 1)
    fit(model, data, recipe, device="cpu", checkpoint=path, progress=False)
    result = Classifier.load(path, "cpu").probabilities(images)
    expected = Classifier(model, device="cpu").probabilities(images)
    assert np.array_equal(result, expected)


def test_no_file_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="gpu-course train"):
        Classifier.load(tmp_path / "none.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"model.weight": torch.zeros(2)}, {})
    with pytest.raises(CheckpointError, match="holds no LeNet"):
        Classifier.load(path)
