"""Time a call: a thin layer over ``torch.utils.benchmark``.

It times anything that can be called: torch on any device, NumPy, Numba,
kernels of `gpu_course.cuda`. The clock waits for GPUs; see
`gpu_course.timing.clocks`.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from gpu_course.timing.clocks import (
    Surroundings,
    now,
    threads_set,
    waiting_clock,
)
from gpu_course.timing.timed import (
    checked_device,
    name_of,
    precision_of,
    timing_of,
    warm_up,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import torch

    from gpu_course.timing.timed import Timing


def time_call(
    function: Callable[[], Any],
    min_run_time_s: float = 0.2,
    *,
    label: str | None = None,
    device: str | torch.device | None = None,
    threads: int | None = None,
    transfers: str = "none",
    precision: float | None = None,
    max_run_time_s: float = 5.0,
    warm_up_s: float = 0.02,
    clock: Callable[[], float] | None = None,
) -> Timing:
    """Time a call with no arguments, after a warm-up.

    Parameters
    ----------
    function : callable
    min_run_time_s : float
        The call is repeated for at least this long.
    label : str, optional
        Default: the function's name.
    device : str or torch.device, optional
        The device to record with the timing. Default: "cpu" if there is no
        GPU, else "not stated".
    threads : int, optional
        CPU threads of torch and Numba during the timing. Default: torch's
        current number.
    transfers : {"none", "in", "in and out"}
        Which copies between host and device the function makes.
    precision : float, optional
        Repeat until half of the median's 95 % interval is at most this share
        of the median, or until `max_run_time_s`.
    warm_up_s : float
        Before the timing, the function is called at least once and for at
        least this long.
    clock : callable, optional
        Returns seconds. Default: one that waits for GPUs.

    Returns
    -------
    Timing

    Raises
    ------
    ValueError
        If `transfers`, `threads` or `precision` is invalid.
    """
    # On import the module looks for a CUDA compiler, and warns if there is one
    # but no GPU. Nothing here compiles, so the warning is hidden.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    device = checked_device(device, transfers, precision)
    times: list[float] = []
    calls, reached = 0, math.inf
    with threads_set(threads) as used, Surroundings(device) as around:
        warm_up([function], warm_up_s, clock or now)
        clock = clock or waiting_clock()
        timer = Timer(
            "function()",
            globals={"function": function},
            timer=clock,
            num_threads=used,
        )
        end = clock() + max_run_time_s
        while not times or (
            precision is not None and reached > precision and clock() < end
        ):
            part = timer.blocked_autorange(min_run_time=min_run_time_s)
            times += part.times
            calls += part.number_per_run * len(part.times)
            reached = precision_of(times)
    return timing_of(
        name_of(function, label),
        times,
        calls,
        device,
        used,
        transfers,
        around,
        precision,
    )
