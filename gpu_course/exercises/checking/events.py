"""Which events of a traced launch are accesses to global memory."""

import numpy as np

from gpu_course.cuda.report_plots import ACCESSES


def global_events(record, kinds=ACCESSES):
    """Return the rows of a record that are such accesses, in their order.

    Parameters
    ----------
    record : cuda.record.Record
    kinds : tuple of str
        Of ``load``, ``store`` and ``atomic``.

    Returns
    -------
    array of int
    """
    fits = [
        site.space == "global" and site.kind in kinds for site in record.sites
    ]
    return np.flatnonzero(np.array(fits, dtype=bool)[record.site])
