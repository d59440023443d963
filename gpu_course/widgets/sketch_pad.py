"""A pad to draw a digit on, in a notebook."""

import numpy as np
import traitlets

from gpu_course.widgets.base import CourseWidget, page_side

SIDE = 140


class SketchPad(CourseWidget):
    """A white square to draw on with mouse, pen, finger or arrow keys.

    Attributes
    ----------
    pixels : bytes
        The drawing: 140×140 grey values, sent after each stroke. Observe this
        trait, or call `image`.
    """

    _esm = page_side("sketch")
    side = traitlets.Int(SIDE).tag(sync=True)
    pixels = traitlets.Bytes(b"\xff" * SIDE**2).tag(
        sync=True, from_json=lambda received, widget: bytes(received)
    )

    def __repr__(self):
        return f"SketchPad({SIDE}×{SIDE}): draw on it in a running notebook"

    def as_html(self) -> str:
        """Return the sentence of ``repr`` as a paragraph."""
        return f"<p>{self!r}</p>"

    def image(self) -> np.ndarray:
        """Return the drawing: uint8 array (140, 140), dark ink on white."""
        grey = np.frombuffer(self.pixels, dtype="uint8")
        return grey.reshape(SIDE, SIDE)
