"""Two calls timed in turn, and whether one is faster."""

import contextlib
import gc
import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpu_course.timing.clocks import (
    Surroundings,
    core_waits,
    now,
    others_ran,
    threads_set,
    waiting_clock,
)
from gpu_course.timing.medians import FEWEST, median_interval
from gpu_course.timing.timed import (
    Timing,
    checked_device,
    name_of,
    timing_of,
    warm_up,
)

if TYPE_CHECKING:
    import torch

PAIRS = 30  # at least, where time allows
ALONE = 0.05  # of the time, that other threads of the process may work
ALIKE = 4  # up to this ratio blocks have as many calls


@dataclass(frozen=True)
class Comparison:
    """Two calls timed in turn: the ratio of their times, and how sure it is.

    Attributes
    ----------
    ratio : float
        Median over the pairs of ``seconds of a / seconds of b``.
    low, high : float
        An interval that holds the median ratio, as `median_interval` has it.
    confidence : float
        Of the interval: at least 0.95, unless there are under six pairs.
    pairs : tuple of float
        The ratio of each pair, in the order of measurement.
    a, b : Timing
        Of the times that the ratios are made of.
    smallest : float
        Differences up to this share don't count as one.
    """

    ratio: float
    low: float
    high: float
    confidence: float
    pairs: tuple = field(repr=False)
    a: Timing
    b: Timing
    smallest: float

    @property
    def faster(self) -> str | None:
        """The label of the faster one, None where there is no difference.

        One is faster if the whole interval is beyond `smallest`. Under five
        pairs are no evidence.
        """
        if len(self.pairs) < FEWEST - 1:
            return None
        if self.low > 1 + self.smallest:
            return self.b.label
        if self.high < 1 / (1 + self.smallest):
            return self.a.label
        return None

    @property
    def verdict(self) -> str:
        """In words, with the ratio above 1."""
        ends = [self.low, self.high]
        if len(self.pairs) < FEWEST - 1:
            return f"{self.ratio:.3g} times, from too few pairs to tell"
        if self.faster is None:
            return "no difference ({:.3g}–{:.3g} times)".format(*ends)
        ratio = self.ratio
        if self.high < 1:
            ratio, ends = 1 / ratio, [1 / end for end in reversed(ends)]
        return "{} is faster, {:.3g} times ({:.3g}–{:.3g})".format(
            self.faster, ratio, *ends
        )

    def __str__(self):
        notes = {self.a.warning, self.b.warning} - {None}
        return "\n".join(
            [
                f"{self.a.label} against {self.b.label}: {self.verdict}; "
                f"{len(self.pairs)} pairs, {self.confidence:.0%} interval, "
                f"differences up to {self.smallest:.0%} not counted",
                *(f"  {note}" for note in sorted(notes)),
            ]
        )


@dataclass(frozen=True)
class Blocks:
    """How two calls take turns.

    Attributes
    ----------
    best_of : int
        Blocks of each side in a pair; 1 for calls that take seconds.
    seconds : float
        A block has as many calls as take at least this long, and the same
        number for a and b unless these differ more than fourfold.
    warm_up_s : float
        As for `time_call`. 0 leaves the warm-up out, and a block is one call.
    seed : int
        Of the order.

    Raises
    ------
    ValueError
        If `best_of` isn't positive.
    """

    best_of: int = 3
    seconds: float = 5e-4
    warm_up_s: float = 0.02
    seed: int = 0

    def __post_init__(self):
        _check_positive("best_of", self.best_of)

    def orders(self) -> Iterator[list[int]]:
        """Yield for each pair the sides in turn: 0 1 1 0 0 1 or 1 0 0 1 1 0.

        Of two pairs in a row one begins with each side, drawn by lot.
        """
        draw = random.Random(self.seed)
        while True:
            first = draw.randrange(2)
            for begins in (first, 1 - first):
                yield [
                    (begins + (turn + 1) // 2) % 2
                    for turn in range(2 * self.best_of)
                ]


@dataclass(frozen=True)
class Stop:
    """When there are enough pairs.

    Attributes
    ----------
    pairs : int, optional
        How many. Default: at least 30 and for `min_run_time_s`, then until
        half of the interval is at most `precision` of the ratio; six if that
        takes longer than `max_run_time_s`.
    precision : float
    min_run_time_s, max_run_time_s : float

    Raises
    ------
    ValueError
        If `pairs` isn't positive.
    """

    pairs: int | None = None
    precision: float = 0.02
    min_run_time_s: float = 0.5
    max_run_time_s: float = 5.0

    def __post_init__(self):
        if self.pairs is not None:
            _check_positive("pairs", self.pairs)

    def judge(self) -> Callable[[Sequence[float], float], bool]:
        """Return a function that says, after each pair, if it was the last.

        It gets the ratios so far and the seconds since the first pair began.
        """
        look = PAIRS

        def is_last(ratios, elapsed_s):
            nonlocal look
            count = len(ratios)
            if self.pairs is not None:
                return count >= self.pairs
            if count >= FEWEST and elapsed_s >= self.max_run_time_s:
                return True
            if count < look or elapsed_s < self.min_run_time_s:
                return False
            look = count + count // 10  # looking takes time as well
            interval = median_interval(ratios)
            width = (interval.high - interval.low) / 2
            return width <= self.precision * statistics.median(ratios)

        return is_last


def _check_positive(name, number):
    if number < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")


TURNS = Blocks()
ENOUGH = Stop()


def compare(
    a: Callable[[], Any],
    b: Callable[[], Any],
    labels: Sequence[str] | None = None,
    *,
    blocks: Blocks = TURNS,
    stop: Stop = ENOUGH,
    smallest: float = 0.03,
    device: "str | torch.device | None" = None,
    threads: int | None = None,
    transfers: str = "none",
    clock: Callable[[], float] | None = None,
    after_pair: Callable[[float, float], Any] | None = None,
) -> Comparison:
    """Time two calls in turn and say whether one is faster.

    A machine's speed drifts, so two timings one after the other differ even
    if the calls are the same. Here each pair is made of blocks next to each
    other, in the order a b b a a b or b a a b b a, drawn by lot. Of each
    side the fastest block counts: other programs interrupt a block now and
    then, for many times its length, and never make it faster. Where the
    system says how long the thread waited for a core meanwhile (Linux), that
    is taken off. The ratio is taken pair by pair. Its median's interval
    allows for neighbouring pairs being alike.

    Parameters
    ----------
    a, b : callable
        With no arguments.
    labels : pair of str, optional
        Default: the functions' names; a and b if these are the same.
    blocks : Blocks
    stop : Stop
    smallest : float
        A difference up to this share isn't called one.
    device, threads, transfers, clock : optional
        As for `time_call`.
    after_pair : callable, optional
        Gets the seconds of a and of b after each pair.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        As `time_call`.
    """
    device = checked_device(device, transfers, stop.precision)
    labels = labels or (name_of(a, None), name_of(b, None))
    if labels[0] == labels[1]:
        labels = ("a", "b")
    times: tuple[list[float], list[float]] = ([], [])
    ratios: list[float] = []
    is_last = stop.judge()
    waits = core_waits() if clock is None else contextlib.nullcontext(float)
    with (
        threads_set(threads) as used,
        waits as lost,
        Surroundings(device) as around,
    ):
        if blocks.warm_up_s > 0:
            warm_up((a, b), blocks.warm_up_s, clock or now)
        clock = clock or waiting_clock()
        calls = _calls((a, b), blocks, clock, lost)
        start = clock()
        for order in blocks.orders():
            best = [math.inf, math.inf]
            for side in order:
                seconds = _block((a, b)[side], calls[side], clock, lost)
                best[side] = min(best[side], seconds)
            for side in (0, 1):
                times[side].append(best[side])
            ratios.append(best[0] / max(best[1], 1e-9))
            if after_pair is not None:
                after_pair(*best)
            if is_last(ratios, clock() - start):
                break
    timings = [
        timing_of(
            labels[side],
            times[side],
            calls[side] * blocks.best_of * len(ratios),
            device,
            used,
            transfers,
            around,
            None,
        )
        for side in (0, 1)
    ]
    interval = median_interval(ratios)
    return Comparison(
        statistics.median(ratios),
        interval.low,
        interval.high,
        interval.confidence,
        tuple(ratios),
        timings[0],
        timings[1],
        smallest,
    )


def _calls(functions, blocks, clock, waited):
    """Return how many calls a block of each side has."""
    if blocks.warm_up_s <= 0:
        return [1, 1]
    calls = [
        _calls_for(function, blocks.seconds, clock, waited)
        for function in functions
    ]
    # The best of short blocks is better than that of long ones.
    return [max(calls)] * 2 if max(calls) <= ALIKE * min(calls) else calls


def _block(function, calls, clock, waited):
    """Return the seconds for one call, of so many in a row.

    Without those for which the thread waited for a core, unless the function
    has threads of its own, which may be what it waited for.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        start = clock()  # an interruption after it lengthens, not shortens
        lost, others = waited(), others_ran()
        for _ in range(calls):
            function()
        lost, others = waited() - lost, others_ran() - others
        seconds = clock() - start
        if others < ALONE * seconds:
            seconds = max(seconds - lost, 1e-9)
        return seconds / calls
    finally:
        if collects:
            gc.enable()


def _calls_for(function, seconds, clock, waited):
    """Return how many calls take at least the seconds."""
    calls = 1
    while True:
        took = calls * min(
            _block(function, calls, clock, waited) for _ in range(3)
        )
        if took >= seconds:
            return calls
        # Too short to be believed: not more than ten times as many.
        wanted = calls * seconds / max(took, 1e-9)
        calls = math.ceil(min(10 * calls, 1.1 * wanted))
