"""All-reduce: every process ends with the sum of all processes' arrays.

Three ways, each simulated step by step with NumPy arrays. What a process sends
and receives is counted, so that the ways can be compared without a network.

The ring is that of Patarasuk and Yuan, "Bandwidth optimal all-reduce
algorithms for clusters of workstations" (2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Reduced:
    """What an all-reduce left behind.

    Attributes
    ----------
    arrays : tuple of ndarray
        The result in each process.
    steps : int
        Rounds of messages that must wait for one another.
    sent, received : tuple of int
        Bytes of each process.
    """

    arrays: tuple
    steps: int
    sent: tuple
    received: tuple

    @property
    def busiest(self) -> int:
        """Bytes that the busiest process sends or receives, the larger."""
        return max(*self.sent, *self.received)


class _Wires:
    """The processes' arrays, and a count of what passes between them."""

    def __init__(self, arrays):
        shapes = {(a.shape, a.dtype) for a in map(np.asarray, arrays)}
        if len(shapes) != 1:
            raise ValueError(
                "all processes need an array of one shape and type, got "
                f"{sorted(map(str, shapes)) or 'no arrays'}"
            )
        ((shape, _),) = shapes
        if len(shape) != 1:
            raise ValueError(f"the arrays must be flat, got shape {shape}")
        self.held = [np.array(a) for a in arrays]
        self.sent, self.received = [[0] * len(self.held) for _ in range(2)]
        self.steps = 0

    def step(self, messages):
        """Deliver messages at once: (from, to, slice, whether to add)."""
        copies = [
            self.held[start][part].copy() for start, _, part, _ in messages
        ]
        for (start, end, part, add), copy in zip(
            messages, copies, strict=True
        ):
            self.sent[start] += copy.nbytes
            self.received[end] += copy.nbytes
            if add:
                self.held[end][part] += copy
            else:
                self.held[end][part] = copy
        self.steps += 1

    def result(self):
        return Reduced(
            tuple(self.held),
            self.steps,
            tuple(self.sent),
            tuple(self.received),
        )


def naive_all_reduce(arrays: Sequence[np.ndarray]) -> Reduced:
    """Send every array to process 0, which adds and sends the sum back.

    Parameters
    ----------
    arrays : sequence of ndarray (n,)
        One for each process, of one type.

    Raises
    ------
    ValueError
        If the arrays differ in shape or type, or aren't flat.
    """
    wires, whole = _Wires(arrays), slice(None)
    others = range(1, len(arrays))
    for one in others:  # the wire of process 0 carries one message at a time
        wires.step([(one, 0, whole, True)])
    for one in others:
        wires.step([(0, one, whole, False)])
    return wires.result()


def tree_all_reduce(arrays: Sequence[np.ndarray]) -> Reduced:
    """Add in pairs, pairs of pairs and so on, then send the sum back down.

    Parameters
    ----------
    arrays : sequence of ndarray (n,)
        As for `naive_all_reduce`, which also says what this raises.
    """
    wires, whole = _Wires(arrays), slice(None)
    count, levels, apart = len(arrays), [], 1
    while apart < count:
        starts = range(0, count - apart, 2 * apart)
        levels.append([(start + apart, start) for start in starts])
        apart *= 2
    for level in levels:
        wires.step([(up, down, whole, True) for up, down in level])
    for level in reversed(levels):
        wires.step([(down, up, whole, False) for up, down in level])
    return wires.result()


def ring_all_reduce(arrays: Sequence[np.ndarray]) -> Reduced:
    """Pass pieces round a ring: first sums (reduce-scatter), then results.

    Each array is cut into as many pieces as there are processes. In each step
    every process sends one piece to its neighbour on the right.

    Parameters
    ----------
    arrays : sequence of ndarray (n,)
        As for `naive_all_reduce`, which also says what this raises.
    """
    wires, count = _Wires(arrays), len(arrays)
    cuts = [len(wires.held[0]) * k // count for k in range(count + 1)]
    pieces = [slice(*ends) for ends in pairwise(cuts)]
    for lap, add in ((0, True), (1, False)):
        for step in range(count - 1):
            wires.step(
                [
                    (r, (r + 1) % count, pieces[(r + lap - step) % count], add)
                    for r in range(count)
                ]
            )
    return wires.result()
