"""A bench of the suite, whose result is checked before it is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from gpu_course.timing.timed import Timing


ON_GPU = ("none", "in and out")  # which copies are timed on a GPU


@dataclass(frozen=True)
class Case:
    """A kind of work that is timed at several sizes.

    Attributes
    ----------
    name : str
    size_is : str
        What a size counts.
    sizes, quick_sizes : tuple of int
    inputs : callable
        Maps a size to a tuple of tensors on the host.
    kernel : callable
        Maps a size and a device to a function. The function takes the inputs
        on that device and returns a tensor.
    check : callable
        Takes the first result, on the host, and the inputs. Raises an
        AssertionError if the result is wrong.
    flops, bytes : callable
        Map a size to a number, or to None if it isn't known.
    transfers : tuple of str
        Which copies are timed on a GPU, as in `timing.TRANSFERS`.
    """

    name: str
    size_is: str
    sizes: tuple
    quick_sizes: tuple
    inputs: Callable[[int], tuple]
    kernel: Callable[..., Any]
    check: Callable[..., Any]
    flops: Callable[[int], float | None]
    bytes: Callable[[int], float | None]
    transfers: tuple = ON_GPU

    def make(
        self,
        size: int,
        device: str | torch.device = "cpu",
        transfers: str = "none",
    ) -> Callable[[], torch.Tensor]:
        """Return a callable without arguments, whose result has been checked.

        Parameters
        ----------
        size : int
        device : str or torch.device
        transfers : {"none", "in and out"}
            Whether the callable copies its inputs to the device and the
            result back.

        Raises
        ------
        AssertionError
            If the result is wrong.
        """
        host = self.inputs(size)
        kernel = self.kernel(size, device)
        there = tuple(tensor.to(device) for tensor in host)
        if transfers == "none":

            def call():
                return kernel(*there)

        else:

            def call():
                return kernel(*(tensor.to(device) for tensor in host)).cpu()

        try:
            self.check(call().detach().cpu(), *host)
        except AssertionError as error:
            raise AssertionError(
                f"{self.name} of {size:,} {self.size_is} is wrong on "
                f"{device}: {str(error).strip()}"
            ) from None
        return call


def run_case(
    case: Case,
    size: int,
    device: str | torch.device,
    threads: int | None = None,
    transfers: str = "none",
    **options: Any,
) -> Timing:
    """Check and time one size of a case.

    Parameters
    ----------
    threads : int, optional
        Threads on the CPU.
    **options
        Passed to `timing.time_call`.

    Returns
    -------
    timing.Timing
    """
    from gpu_course.hardware.measured_peaks import full_float32
    from gpu_course.timing.clocks import threads_set
    from gpu_course.timing.timer import time_call

    with full_float32(), threads_set(threads):
        return time_call(
            case.make(size, device, transfers),
            label=case.name,
            device=device,
            threads=threads,
            transfers=transfers,
            **options,
        )
