"""Known mistakes that several exercises share."""

import numpy as np

from gpu_course.exercises.checking.exercise import Mistake


def _surplus(seen, shows):
    """Return whether a condition holds in each launch with spare threads.

    Parameters
    ----------
    seen : list of diagnosis.Seen
    shows : callable
        The condition. It takes the first index out of bounds in each of the
        two thread orders, and the number of threads.
    """
    asked = 0
    for one in seen:
        threads = int(np.prod(one.case.grid) * np.prod(one.case.block))
        elements = max(np.size(a) for a in one.case.arguments)
        if threads - elements < 2 or not elements:
            continue
        asked += 1
        both = (one.finding, one.last)
        if not all(
            f and f.kind == "out_of_bounds" and len(f.index) == 1 for f in both
        ) or not shows(*(f.index[0] for f in both), threads):
            return False
    return asked > 1


MISSING_GUARD = Mistake(
    "missing_guard",
    "There are more threads than elements, and no if keeps those at the end "
    "out: only threads whose number is less than the number of elements may "
    "go on.",
    when=lambda seen: _surplus(
        seen, lambda first, last, threads: first < last == threads - 1
    ),
)
GUARD_OFF_BY_ONE = Mistake(
    "guard_off_by_one",
    "The guard lets one thread too many through: the last index of n "
    "elements is n - 1.",
    when=lambda seen: _surplus(
        seen, lambda first, last, threads: first == last < threads - 1
    ),
)
