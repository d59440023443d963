"""Try changes one by one against the previous step; keep or drop each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.common.drawing import GREEN, VERMILION
from gpu_course.timing.comparison import Stop, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    from matplotlib.axes import Axes

PLACES = ("CPU", "GPU")


class Trials:
    """Collect comparisons of a step before and after a change.

    Parameters
    ----------
    device : torch.device
        The device that runs the steps.
    pairs : int
        Number of pairs in each trial.
    smallest : float
        The smallest gain, as a share, for which a change is kept.
    """

    def __init__(self, device, pairs=10, smallest=0.03):
        self.device, self.pairs, self.smallest = device, pairs, smallest
        self.results = {}

    def run(
        self,
        name: str,
        before: Callable[[], Any],
        after: Callable[[], Any],
        pairs: int | None = None,
    ) -> bool:
        """Time both in turn; return whether to keep the change.

        Parameters
        ----------
        name : str
            Name of the change.
        before, after : callable
            Called without arguments.
        pairs : int, optional
            Default: the number given to `Trials`.
        """
        self.results[name] = compare(
            before,
            after,
            ("before", name),
            stop=Stop(pairs or self.pairs),
            smallest=self.smallest,
            device=self.device,
        )
        return self.keeps(name)

    def keeps(self, name: str) -> bool:
        """Return whether the whole interval is better than `smallest`."""
        return self.results[name].faster == name

    def draw(
        self, axes: Sequence[Axes], dropped: Collection[str] | None = None
    ) -> Sequence[Axes]:
        """Draw the ratios with their intervals, on the axes of this device.

        Parameters
        ----------
        axes : pair of matplotlib.axes.Axes
            One for a CPU and one for a GPU. The one for the other device stays
            empty and says so.
        dropped : set of str, optional
            Changes that the reader would drop, shown beside the names.
        """
        here = int(self.device.type != "cpu")
        rows, names = range(len(self.results)), list(self.results)
        if dropped is not None:
            unknown = sorted(set(dropped) - set(names))
            if unknown:
                raise ValueError(
                    f"there is no change called {', '.join(unknown)}; there "
                    f"are {', '.join(names)}"
                )
            guess = {True: "drop", False: "keep"}
            names = [f"{name} · {guess[name in dropped]}" for name in names]
        for row, (name, result) in zip(
            rows, self.results.items(), strict=True
        ):
            kept = self.keeps(name)
            ends = [[result.ratio - result.low], [result.high - result.ratio]]
            axes[here].errorbar(
                result.ratio,
                row,
                xerr=ends,
                capsize=3,
                markersize=8,
                fmt="o" if kept else "X",
                color=GREEN if kept else VERMILION,
            )
        furthest = max(
            [
                5,
                *(1.2 * r.high for r in self.results.values()),
                *(1.2 / r.low for r in self.results.values()),
            ]
        )
        ticks = [
            x
            for x in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
            if 1 / furthest <= x <= furthest
        ]
        for ax, place in zip(axes, PLACES, strict=True):
            ax.axvline(1, color="black", linewidth=1)
            ax.set(xscale="log", xlim=(1 / furthest, furthest))
            ax.set_xticks(ticks, [f"{x:g}" for x in ticks])
            ax.minorticks_off()
            ax.set_yticks(rows, names)
            ax.set(ylim=(len(rows) - 0.5, -0.5), xlabel="times as fast")
            ax.set_title(f"measured on a {place}", fontsize=11)
        axes[1 - here].text(
            0.5,
            0.5,
            f"empty: not run\non a {PLACES[1 - here]} yet",
            transform=axes[1 - here].transAxes,
            ha="center",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "0.7"},
        )
        return axes
