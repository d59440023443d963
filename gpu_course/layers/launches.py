"""Which kernels a piece of code launches, and what PyTorch adds to them."""

from contextlib import contextmanager
from dataclasses import dataclass

from torch.utils._python_dispatch import TorchDispatchMode

from gpu_course.cuda.kernel import Kernel

# What hands out memory, or looks at it in another way.
HANDLING = frozenset(
    ("detach", "view", "empty", "empty_like", "new_empty", "zeros_like")
)


@dataclass(frozen=True)
class Launched:
    """One launch: of which kernel, and how.

    Attributes
    ----------
    kernel : str
        The kernel's name.
    grid, block : tuple of int
        Blocks and threads in a block, along x, y and z.
    threads : int
        Of all blocks together.
    """

    kernel: str
    grid: tuple
    block: tuple
    threads: int


@contextmanager
def watch_launches():
    """Note each launch while the ``with`` lasts, of every thread.

    Yields
    ------
    list of Launched
        It grows with each launch, on the teaching GPU and on a GPU alike.
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

    Kernel._launch = noted
    try:
        yield seen
    finally:
        Kernel._launch = plain


class _Dispatched(TorchDispatchMode):
    def __init__(self, names):
        super().__init__()
        self.names = names

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name not in HANDLING and not name.startswith("_"):
            self.names.add(name)
        return function(*args, **(kwargs or {}))


@contextmanager
def watch_operations():
    """Note what PyTorch itself computes while the ``with`` lasts.

    Yields
    ------
    set of str
        Names of operations, without those that hand out memory or look at it
        in another way, and without the marks of PyTorch's profiler, which
        begin with ``_``.
    """
    names = set()
    with _Dispatched(names):
        yield names


def table(launched):
    """Return kernels with their launches and threads as lines of text.

    Parameters
    ----------
    launched : sequence of Launched

    Returns
    -------
    str
        Kernels in the order of their first launch, and a line of sums.
    """
    counts = {}
    for one in launched:
        launches, threads = counts.get(one.kernel, (0, 0))
        counts[one.kernel] = launches + 1, threads + one.threads
    counts["together"] = (
        len(launched), sum(one.threads for one in launched),
    )  # fmt: skip
    lines = [f"{'kernel':<26}{'launches':>8}{'threads':>11}"]
    for name, (launches, threads) in counts.items():
        lines.append(f"{name:<26}{launches:>8}{threads:>11,}")
    return "\n".join(lines)
