"""Choose the signature of a kernel or device function that fits best."""

from numba.core import sigutils
from numba.core.registry import cpu_target


def signed(signature, arguments):
    """Return argument and return types as a device function's signature says.

    A return type of None is left to inference.
    """
    found = signature and best_signature(signature, arguments)
    return found or (arguments, None)


def best_signature(given, kinds):
    """Return the argument and return types that fit best, else None.

    Parameters
    ----------
    given : str, tuple, numba signature or list of them
        As ``cuda.jit`` takes it.
    kinds : tuple of numba types
    """
    context = cpu_target.typing_context
    ranked = []
    for one in given if isinstance(given, list) else [given]:
        wanted, result = sigutils.normalize_signature(one)
        if len(wanted) != len(kinds):
            continue
        steps = [
            context.can_convert(own, kind)
            for own, kind in zip(kinds, wanted, strict=True)
        ]
        if None not in steps:
            steps = sorted(map(int, steps), reverse=True)
            ranked.append((steps, (wanted, result)))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None
