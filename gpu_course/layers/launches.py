"""Which kernels a piece of code launches.

For the operations of PyTorch, see `work_counter.count_work`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gpu_course.cuda.kernel import Kernel


@dataclass(frozen=True)
class Launched:
    """One launch: the kernel and its launch configuration.

    Attributes
    ----------
    kernel : str
        The kernel's name.
    grid, block : tuple of int
        Blocks and threads in a block, along x, y and z.
    threads : int
        In all blocks together.
    """

    kernel: str
    grid: tuple
    block: tuple
    threads: int


@contextmanager
def watch_launches() -> Iterator[list[Launched]]:
    """Record the launches of all host threads inside the ``with`` block.

    Yields
    ------
    list of Launched
        It grows with each launch, on the teaching GPU or on a real GPU.
    """
    seen, plain = [], Kernel._launch

    def noted(kernel, launcher, arguments):
        plain(kernel, launcher, arguments)
        seen.append(
            Launched(
                kernel.__name__,
                launcher.grid,
                launcher.block,
                launcher.threads,
            )
        )

    Kernel._launch = noted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Kernel._launch = plain  # type: ignore[method-assign]


def table(launched: Sequence[Launched]) -> str:
    """Return a text table of kernels with their launches and threads.

    Parameters
    ----------
    launched : sequence of Launched

    Returns
    -------
    str
        Kernels in the order of their first launch, then a line of totals.
    """
    counts: dict[str, tuple[int, int]] = {}
    for one in launched:
        launches, threads = counts.get(one.kernel, (0, 0))
        counts[one.kernel] = launches + 1, threads + one.threads
    counts["together"] = (
        len(launched),
        sum(one.threads for one in launched),
    )
    lines = [f"{'kernel':<26}{'launches':>8}{'threads':>11}"]
    for name, (launches, threads) in counts.items():
        lines.append(f"{name:<26}{launches:>8}{threads:>11,}")
    return "\n".join(lines)
