"""Gradient descent on a quadratic bowl: a start, a rate and the path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gpu_course.explorers.controls import Explorer, explorer, slider

if TYPE_CHECKING:
    from matplotlib.axes import Axes


HESSIAN = np.array([[3.0, 1.0], [1.0, 1.0]])
LIMIT = 5  # both axes run from -5 to 5
STEPS = 25


def descent_path(
    hessian: np.ndarray,
    start: Sequence[float] | np.ndarray,
    rate: float,
    steps: int = STEPS,
) -> np.ndarray:
    """Return the points (steps + 1, D) of gradient descent on ½ uᵀ H u.

    Parameters
    ----------
    hessian : array (D, D)
        Symmetric.
    start : array (D,)
    rate : float
        The learning rate.
    steps : int
    """
    path = [np.asarray(start, float)]
    for _ in range(steps):
        path.append(path[-1] - rate * (hessian @ path[-1]))
    return np.array(path)


def draw_descent(
    ax: Axes, u: float = -4, v: float = 4, percent: float = 40
) -> Axes:
    """Draw a quadratic's contours and the path of gradient descent.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    u, v : float
        The start.
    percent : float
        The learning rate, in % of 2 / λmax.
    """
    bound = 2 / np.linalg.eigvalsh(HESSIAN)[-1]
    rate = percent / 100 * bound
    axis = np.linspace(-LIMIT, LIMIT, 101)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    loss = 0.5 * np.einsum("...i,ij,...j", grid, HESSIAN, grid)
    ax.contour(
        axis,
        axis,
        loss,
        levels=np.geomspace(0.1, 60, 12),
        colors="0.7",
        linewidths=0.8,
    )
    path = descent_path(HESSIAN, (u, v), rate)
    ax.plot(*path.T, "o-", ms=3.5, lw=1)
    ax.plot(*path[0], "s", ms=8, label="start")
    ax.plot(0, 0, "k+", ms=10, label="minimum")
    ax.set(
        xlim=(-LIMIT, LIMIT),
        ylim=(-LIMIT, LIMIT),
        xlabel="u",
        ylabel="v",
        aspect="equal",
    )
    ax.set_title(
        f"rate {rate:.3f}, {percent:g} % of 2/λmax = {bound:.3f}:\nfrom "
        f"({u:g}, {v:g}), after {STEPS} steps {np.hypot(*path[-1]):.2g} from "
        "the minimum",
        fontsize=10,
    )
    ax.legend(loc="lower left", fontsize=8)
    return ax


def explore_descent() -> Explorer:
    """Return the picture with sliders for the start and the rate."""
    return explorer(
        draw_descent,
        (4.2, 4.2),
        u=slider("u", -4, -LIMIT, LIMIT),
        v=slider("v", 4, -LIMIT, LIMIT),
        percent=slider("rate, % of 2/λmax", 40, 2, 106, 2),
    )
