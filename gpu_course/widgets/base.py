"""The base class of the course's widgets, with their JavaScript.

The JavaScript of each widget is ``javascript/NAME.js``. The kernel sends it to
the page, and it loads nothing from the network.
"""

from pathlib import Path

import anywidget

FOLDER = Path(__file__).parent / "javascript"


def page_side(name: str) -> str:
    """Return a widget's JavaScript, after the code that all widgets share."""
    return "\n".join(_read(f"{part}.js") for part in ("shared", name))


def _read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


class CourseWidget(anywidget.AnyWidget):
    """A widget that can still be read where no kernel runs.

    A subclass sets ``_esm`` with `page_side` and defines ``__repr__`` and
    `as_html`.
    """

    _css = _read("shared.css")

    def __repr__(self):
        """Return a sentence that describes the widget."""
        raise NotImplementedError

    def as_html(self) -> str:
        """Return the HTML shown without a kernel, the same on each run."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": self.as_html()}, metadata
