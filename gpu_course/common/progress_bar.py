"""A progress bar that leaves nothing behind, in a terminal or a notebook."""

import sys

from tqdm import tqdm

WIDTH = 72


def progress_bar(
    title: str, total: int, done: int = 0, show: bool = True
) -> tqdm:
    """Return a tqdm bar, to be used in a ``with`` statement.

    In a notebook the bar is text of fixed width on standard output, so every
    run leaves the same blanks in the stored output. Elsewhere the bar goes to
    standard error, and only if that is a terminal.
    """
    notebook = _in_notebook()
    hidden = False if notebook else None  # None: hidden unless a terminal
    return tqdm(
        desc=title,
        total=total,
        initial=done,
        disable=hidden if show else True,
        file=sys.stdout if notebook else sys.stderr,
        leave=False,
        ncols=WIDTH,
        mininterval=0.2,
    )


def _in_notebook():
    """Return whether IPython is loaded and runs in a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None
