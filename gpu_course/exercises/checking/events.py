"""Find the accesses to global memory in a traced launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gpu_course.cuda.report_plots import ACCESSES

if TYPE_CHECKING:
    from gpu_course.cuda.record import Record


def global_events(
    record: Record, kinds: Sequence[str] = ACCESSES
) -> np.ndarray:
    """Return the rows of a record that access global memory, in order.

    Parameters
    ----------
    record : cuda.record.Record
    kinds : tuple of str
        Some of ``load``, ``store`` and ``atomic``.

    Returns
    -------
    array of int
    """
    fits = [
        site.space == "global" and site.kind in kinds for site in record.sites
    ]
    return np.flatnonzero(np.array(fits, dtype=bool)[record.site])
