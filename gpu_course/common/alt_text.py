"""A text for each figure, for those who hear a page or cannot load pictures.

``notebooks/matplotlibrc`` names `attach` in ``figure.hooks``, so no cell needs
to. The text goes into the output's metadata, where nbconvert's template
``classic`` finds it. JupyterLab shows pictures in outputs without a text
(https://github.com/jupyter/enhancement-proposals/issues/120): what is in
``labextensions/`` teaches it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST = 600


def attach(figure: Figure) -> None:
    """Have a figure carry its text when IPython displays it."""
    figure._repr_mimebundle_ = lambda **_: (  # type: ignore[attr-defined]
        {},
        {"image/png": {"alt": alt_text(figure)}},
    )


def alt_text(figure: Figure) -> str:
    """Return what is written in a figure: titles, axes, legends.

    Of axes that have none of these it is what is written inside them.
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
    """Return the title of axes, what they show over what, and the legend."""
    titles = [ax.get_title(where) for where in ("left", "center", "right")]
    x, y = ax.get_xlabel(), ax.get_ylabel()
    titles.append(f"{y} over {x}" if x and y else x or y)
    if legend := ax.get_legend():
        titles += [text.get_text() for text in legend.get_texts()]
    return list(filter(None, titles))
