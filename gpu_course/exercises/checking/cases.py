"""Hidden launches: sizes and shapes that expose a wrong kernel.

Random values come from a fixed seed, so a check gives the same result each
time.
"""

from collections.abc import Callable

import numpy as np

from gpu_course.exercises.checking.exercise import Launch

SEED = 20260711


def generator() -> np.random.Generator:
    """Return NumPy's generator with the fixed seed."""
    return np.random.default_rng(SEED)


def blocks_for(count: int, block: int) -> int:
    """Return how many blocks cover the elements, at least one."""
    return max(1, -(-count // block))


def unwritten(shape: int | tuple[int, ...]) -> np.ndarray:
    """Return a float32 output array that holds leftover numbers.

    They are not NaN, so that adding to them changes the result visibly.
    """
    return np.full(shape, -77, np.float32)


def line_launches(
    arguments: Callable[..., tuple], block: int = 32, large: int = 100_003
) -> list[Launch]:
    """Return launches of a kernel on a line of elements.

    The sizes: one element, none, a block, one less and one more than a
    block, primes, and one size that is too large to trace.

    Parameters
    ----------
    arguments : callable
        Takes the number of elements and a generator; returns the arguments.
    block : int
    large : int

    Returns
    -------
    list of Launch
    """
    random = generator()
    sizes = (1, 0, 2, block - 1, block, block + 1, 97)
    launches = [
        Launch(blocks_for(n, block), block, arguments(n, random))
        for n in sizes
    ]
    launches.append(
        Launch(blocks_for(large, 128), 128, arguments(large, random), False)
    )
    return launches


def plane_launches(
    arguments: Callable[..., tuple],
    block: tuple[int, int] = (8, 4),
    large: tuple[int, int] = (257, 131),
) -> list[Launch]:
    """Return launches of a kernel on matrices that are not square.

    Parameters
    ----------
    arguments : callable
        Takes rows, columns and a generator; returns the arguments.
    block : tuple of int
        Threads along x (columns) and along y (rows).
    large : tuple of int
        Rows and columns of a matrix that is too large to trace.

    Returns
    -------
    list of Launch
    """
    random = generator()
    shapes = ((1, 1), (1, 7), (5, 1), (3, 9), (4, 8), (13, 6), (7, 19))
    launches = []
    for rows, columns in (*shapes, large):
        grid = blocks_for(columns, block[0]), blocks_for(rows, block[1])
        launches.append(
            Launch(
                grid,
                block,
                arguments(rows, columns, random),
                (rows, columns) != large,
            )
        )
    return launches
