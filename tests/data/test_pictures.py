"""The pictures show the numbers that they are given."""

import matplotlib as mpl
import numpy as np
import pytest

from gpu_course.data.pictures import show_confusion, show_digits, show_pixels

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def texts(ax):
    return {
        (round(t.get_position()[1]), round(t.get_position()[0])): t.get_text()
        for t in ax.texts
    }


def test_each_inked_pixel_shows_its_number(ax):
    image = np.zeros((3, 4), dtype="uint8")
    image[1, 2], image[2, 0] = 200, 7
    show_pixels(ax, image)
    assert texts(ax) == {(1, 2): "200", (2, 0): "7"}


def test_confusion_shows_each_count_in_its_place(ax):
    counts = np.array([[5, 1], [0, 9]])
    show_confusion(ax, counts)
    assert texts(ax) == {(0, 0): "5", (0, 1): "1", (1, 1): "9"}


def test_the_colour_is_that_of_the_mistakes(ax):
    show_confusion(ax, np.array([[50, 3], [1, 90]]))
    shown = ax.images[0].get_array()
    assert np.array_equal(shown, [[0, 3], [1, 0]])


def test_digits_are_shown_in_order_and_empty_places_are_blank():
    images = np.arange(3 * 784, dtype="float32").reshape(3, 28, 28)
    axes = show_digits(images, ["a", "b", "c"], rows=2)
    assert axes.shape == (2, 2)
    assert [ax.get_title() for ax in axes.flat] == ["a", "b", "c", ""]
    for ax, image in zip(axes.flat, images, strict=False):
        assert np.array_equal(ax.images[0].get_array(), image)
    assert not axes[1, 1].images
    plt.close(axes[0, 0].figure)
