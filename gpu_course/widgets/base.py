"""What the course's widgets have in common: their page side, a stored form.

The page side of each is ``javascript/NAME.js``. It comes from the kernel and
asks nobody for anything.
"""

from pathlib import Path

import anywidget

FOLDER = Path(__file__).parent / "javascript"


def page_side(name: str) -> str:
    """Return the JavaScript of a widget, with what all of them share."""
    return "\n".join(_read(f"{part}.js") for part in ("shared", name))


def _read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


class CourseWidget(anywidget.AnyWidget):
    """A widget that leaves something to read where no kernel runs.

    A subclass has ``_esm``, from `page_side`, and both forms below.
    """

    _css = _read("shared.css")

    def __repr__(self):
        """Return a sentence."""
        raise NotImplementedError

    def as_html(self) -> str:
        """Return what a page shows without a kernel, the same on each run."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": self.as_html()}, metadata
