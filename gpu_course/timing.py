"""Timing: a thin layer over ``torch.utils.benchmark``."""

import logging


def time_call(function, min_run_time_s=0.2):
    """Time a call with no arguments, after a warm-up.

    A GPU is waited for before the clock stops, and as many threads are used
    as torch is set to.

    Parameters
    ----------
    function : callable
    min_run_time_s : float
        The call is repeated for at least this long.

    Returns
    -------
    torch.utils.benchmark.Measurement
        Has ``.median``, ``.iqr`` and ``.times``, in seconds for one call.
    """
    # The module looks for a CUDA compiler as it is imported, and says so where
    # it finds one without a GPU. Nothing here compiles.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    import torch
    from torch.utils.benchmark import Timer

    timer = Timer(
        "function()",
        globals={"function": function},
        num_threads=torch.get_num_threads(),
    )
    return timer.blocked_autorange(min_run_time=min_run_time_s)
