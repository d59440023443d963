"""Alternative text for figures, for screen readers and unloaded pictures.

``notebooks/matplotlibrc`` lists `attach` in ``figure.hooks``, so cells need
not call it. The text goes into the output's metadata, where nbconvert's
template ``classic`` finds it. JupyterLab shows output pictures without their
text (https://github.com/jupyter/enhancement-proposals/issues/120); the
extension in ``labextensions/`` adds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 600


def attach(figure: Figure) -> None:
    """Make a figure carry its text when IPython displays it."""
    figure._repr_mimebundle_ = lambda **_: (  # type: ignore[attr-defined]
        {},
        {"image/png": {"alt": alt_text(figure)}},
    )


def alt_text(figure: Figure) -> str:
    """Return the text written in a figure: titles, axis labels, legends.

    For axes without any of these, return the text written inside them.
    """
    written = [figure.get_suptitle()]
    for ax in filter(lambda ax: ax.get_visible(), figure.axes):
        written += _beside(ax) or [text.get_text() for text in ax.texts]
    parts = (" ".join(text.replace("$", "").split()) for text in written)
    text = "; ".join(dict.fromkeys(filter(None, parts)))
    if len(text) > LONGEST:
        text = f"{text[:LONGEST].rsplit(' ', 1)[0]} …"
    return text or "a picture without any text in it"


def _beside(ax):
    """Return the titles, axis labels and legend entries of axes."""
    titles = [ax.get_title(where) for where in ("left", "center", "right")]
    x, y = ax.get_xlabel(), ax.get_ylabel()
    titles.append(f"{y} over {x}" if x and y else x or y)
    if legend := ax.get_legend():
        titles += [text.get_text() for text in legend.get_texts()]
    return list(filter(None, titles))
