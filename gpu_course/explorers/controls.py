"""Controls beside a figure that is drawn anew when one of them moves."""

import io


def explorer(draw, figsize, **controls):
    """Return a widget: controls, and a figure drawn with their values.

    Parameters
    ----------
    draw : callable
        Of an axes and a value for each control, by name.
    figsize : tuple of float
        Inches.
    **controls : ipywidgets widget
        Sliders and menus, which all can be used from the keyboard.

    Returns
    -------
    ipywidgets.VBox
    """
    import ipywidgets
    import matplotlib.pyplot as plt
    import numpy as np
    from PIL import Image

    # An image and not an Output: that one takes a message to the page and
    # back for each figure, for which a run of the notebook may wait in vain.
    picture = ipywidgets.Image(format="png")

    def redraw(_=None):
        values = {name: control.value for name, control in controls.items()}
        fig, ax = plt.subplots(figsize=figsize)
        try:
            draw(ax, **values)
            fig.canvas.draw()  # once, where savefig lays out and draws again
            drawn = Image.fromarray(np.asarray(fig.canvas.buffer_rgba()))
        finally:
            plt.close(fig)
        png = io.BytesIO()
        drawn.save(png, format="png", compress_level=1)
        picture.value = png.getvalue()

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()

    class Explorer(ipywidgets.VBox):
        def __repr__(self):  # what a page shows that doesn't run
            return "run this cell to move the sliders"

    return Explorer([ipywidgets.HBox(list(controls.values())), picture])


def slider(name, value, least, most, step=1):
    """Return a slider of whole numbers with its name beside it."""
    from ipywidgets import IntSlider

    return IntSlider(
        value=value, min=least, max=most, step=step, description=name,
        continuous_update=False, style={"description_width": "initial"},
    )  # fmt: skip


def menu(name, options, value=None):
    """Return a menu with its name beside it."""
    from ipywidgets import Dropdown

    return Dropdown(
        options=options, value=options[0] if value is None else value,
        description=name, style={"description_width": "initial"},
    )  # fmt: skip
