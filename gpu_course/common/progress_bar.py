"""A progress bar that leaves nothing behind, in a terminal or a notebook."""

import sys

from tqdm import tqdm

WIDTH = 72


def progress_bar(
    title: str, total: int, done: int = 0, show: bool = True
) -> tqdm:
    """Return a tqdm bar, to be used in a ``with`` statement.

    In a notebook the bar is text on standard output, always as wide, so that
    what it leaves in the stored output is the same on every run: blanks.
    Elsewhere it goes to standard error, and only if that is a terminal.
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
    """A kernel has IPython loaded, and IPython knows that it is one."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None) is not None
