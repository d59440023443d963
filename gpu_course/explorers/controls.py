"""Controls above a figure that is redrawn when a control moves."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import traitlets

from gpu_course.widgets.base import CourseWidget, page_side

STORED_COLOURS = 128  # in a stored picture: a third of the bytes


@dataclass(frozen=True)
class Control:
    """A slider or a menu.

    Attributes
    ----------
    label : str
    value : int or str
        The initial value.
    options : range or tuple
        All values; a range makes it a slider.
    """

    label: str
    value: int | str
    options: range | tuple

    def described(self) -> dict[str, Any]:
        """Return what the page needs, as a dict."""
        if not isinstance(self.options, range):
            return {"label": self.label, "options": list(self.options)}
        return {
            "label": self.label,
            "least": self.options[0],
            "most": self.options[-1],
            "step": self.options.step,
        }


def slider(
    label: str, value: int, least: int, most: int, step: int = 1
) -> Control:
    """Return a slider of whole numbers."""
    return Control(label, value, range(least, most + 1, step))


def menu(label: str, options: Sequence[Any], value: Any = None) -> Control:
    """Return a menu; without a value the first option is chosen."""
    return Control(
        label, options[0] if value is None else value, tuple(options)
    )


def explorer(
    draw: Callable[..., Any], figsize: tuple[float, float], **controls: Control
) -> Explorer:
    """Return a widget: controls, and a figure drawn with their values.

    Parameters
    ----------
    draw : callable
        Takes an axes, and by name a value for each control. The titles
        that it gives the axes become the caption, so they say what matters.
    figsize : tuple of float
        Inches.
    **controls : Control
        Sliders and menus.

    Returns
    -------
    Explorer
    """
    return Explorer(draw, figsize, controls)


class Explorer(CourseWidget):
    """Controls, a line of text, and a picture.

    Attributes
    ----------
    made_of : dict of str to Control
    controls : list of dict
        The same controls, as the page gets them.
    values : dict
        The value of each control, by name. Setting it redraws the picture.
    picture : bytes
        PNG.
    caption : str
        The titles of the picture's axes. The main title is only here and
        not in the picture, so screen readers and any width can show it.
    alternative : str
        The picture's alt text: the caption and the values.
    """

    _esm = page_side("explorer")
    controls: traitlets.List = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    alternative = traitlets.Unicode().tag(sync=True)

    def __init__(self, draw, figsize, controls):
        self.made_of, self._draw, self._figsize = controls, draw, figsize
        super().__init__(
            controls=[
                {"name": name, **control.described()}
                for name, control in controls.items()
            ],
            values={name: control.value for name, control in controls.items()},
        )

    @traitlets.validate("values")
    def _are_allowed(self, proposal):
        values = proposal["value"]
        if set(values) != set(self.made_of):
            raise traitlets.TraitError(
                f"values must be of {', '.join(self.made_of)}, got "
                f"{', '.join(map(str, values)) or 'none'}"
            )
        for name, value in values.items():
            options = self.made_of[name].options
            if value not in options:
                raise traitlets.TraitError(
                    f"{name} must be one of {options}, got {value!r}"
                )
        return values

    @traitlets.observe("values")
    def _redraw(self, _):
        import matplotlib.pyplot as plt
        import numpy as np
        from PIL import Image

        fig, ax = plt.subplots(figsize=self._figsize)
        try:
            self._draw(ax, **self.values)
            caption = ". ".join(_titles(ax))
            for place in PLACES:
                ax.set_title("", loc=place)
            fig.canvas.draw()  # one draw; savefig would lay out and draw again
            drawn = Image.fromarray(np.asarray(fig.canvas.buffer_rgba()))
        finally:
            plt.close(fig)
        chosen = "; ".join(
            f"{control.label} = {self.values[name]}"
            for name, control in self.made_of.items()
        )
        with self.hold_sync():
            self.picture = _png(drawn, compress_level=1)
            self.caption = caption
            self.alternative = f"{caption} ({chosen})"

    def __repr__(self):
        return f"{self.caption} ({self._note()})"

    def _note(self):
        labels = [control.label for control in self.made_of.values()]
        return f"run this cell to change: {'; '.join(labels)}"

    def as_html(self) -> str:
        """Return the picture, with a note that the controls need a kernel."""
        from PIL import Image

        picture = Image.open(io.BytesIO(self.picture)).convert("RGB")
        small = _png(picture.quantize(STORED_COLOURS), optimize=True)
        return (
            f"<p>{escape(self.caption)}</p>\n"
            f'<img alt="{escape(self.alternative)}" src="data:image/png;'
            f'base64,{base64.b64encode(small).decode()}">\n'
            f"<p>({escape(self._note())})</p>"
        )


PLACES = ("left", "center", "right")


def _titles(ax):
    """Return the titles of an axes and of its inset axes."""
    own = [ax.get_title(loc=place) for place in PLACES]
    return [
        *(" ".join(title.split()) for title in own if title),
        *(title for inside in ax.child_axes for title in _titles(inside)),
    ]


def _png(image, **options):
    file = io.BytesIO()
    image.save(file, format="png", **options)
    return file.getvalue()
