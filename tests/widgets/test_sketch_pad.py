"""The drawing pad, as far as it works without a browser."""

import numpy as np

from gpu_course.data.digit import to_digit
from gpu_course.widgets.sketch_pad import SIDE, SketchPad


def test_a_new_pad_is_white():
    image = SketchPad().image()
    assert image.shape == (SIDE, SIDE)
    assert (image == 255).all()


def test_a_drawing_from_the_browser_arrives():
    drawing = np.full((SIDE, SIDE), 255, dtype="uint8")
    drawing[20:120, 60:72] = 0
    pad = SketchPad()
    pad.set_state({"pixels": memoryview(drawing.tobytes())})  # as a comm does
    assert np.array_equal(pad.image(), drawing)
    assert to_digit(pad.image()).max() == 255


def test_its_text_is_the_same_each_time():
    assert repr(SketchPad()) == repr(SketchPad())
    assert SketchPad().as_html() == SketchPad().as_html()
