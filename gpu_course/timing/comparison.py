"""Time two calls in turn and decide whether one is faster."""

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

PAIRS = 30  # at least, if time allows
ALONE = 0.05  # share of the time that other threads may work
ALIKE = 4  # up to this ratio both blocks have equally many calls


@dataclass(frozen=True)
class Comparison:
    """Two calls timed in turn: the ratio of their times, and how sure it is.

    Attributes
    ----------
    ratio : float
        Median over the pairs of ``seconds of a / seconds of b``.
    low, high : float
        The interval of the median ratio, from `median_interval`.
    confidence : float
        Confidence of the interval: at least 0.95 unless there are fewer than
        six pairs.
    pairs : tuple of float
        The ratio of each pair, in the order of measurement.
    a, b : Timing
        The two timings, from the same times as the ratios.
    smallest : float
        Differences up to this share don't count.
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
        """The label of the faster call, or None if there is no difference.

        A call is faster if the whole interval lies beyond `smallest`. Fewer
        than five pairs are no evidence.
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
        """The result in words, with the ratio above 1."""
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
        A block has enough calls to take at least this long. Blocks of a and b
        have the same number of calls, unless the numbers they need differ more
        than fourfold.
    warm_up_s : float
        As for `time_call`. With 0 there is no warm-up and a block is one call.
    seed : int
        Seed of the random order.

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
        """Yield the order of sides in each pair: 0 1 1 0 0 1 or 1 0 0 1 1 0.

        Of two successive pairs, one begins with each side. Which comes first
        is random.
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
    """The rule that decides when there are enough pairs.

    Attributes
    ----------
    pairs : int, optional
        Number of pairs. Default: at least 30 pairs and `min_run_time_s`, then
        until half of the interval is at most `precision` of the ratio. After
        `max_run_time_s`, six pairs are enough.
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
        """Return a function that decides, after each pair, if it was the last.

        It takes the ratios so far and the seconds since the first pair began.
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
            look = count + count // 10  # checking takes time as well
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

    A machine's speed drifts, so two timings one after the other differ even if
    the calls are the same. Here each pair consists of neighbouring blocks, in
    the random order a b b a a b or b a a b b a. Only the fastest block of each
    side counts: other programs sometimes interrupt a block for many times its
    length, and they never make it faster. Where the system reports how long
    the thread waited for a core (Linux), that time is subtracted. Each pair
    gives one ratio. The interval of the median ratio allows for neighbouring
    pairs being alike.

    Parameters
    ----------
    a, b : callable
        Called without arguments.
    labels : pair of str, optional
        Default: the functions' names, or a and b if the names are the same.
    blocks : Blocks
    stop : Stop
    smallest : float
        Differences up to this share don't count.
    device, threads, transfers, clock : optional
        As for `time_call`.
    after_pair : callable, optional
        Called with the seconds of a and of b after each pair.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        As for `time_call`.
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
    """Return the number of calls in a block of each side."""
    if blocks.warm_up_s <= 0:
        return [1, 1]
    calls = [
        _calls_for(function, blocks.seconds, clock, waited)
        for function in functions
    ]
    # The best of short blocks is better than the best of long ones.
    return [max(calls)] * 2 if max(calls) <= ALIKE * min(calls) else calls


def _block(function, calls, clock, waited):
    """Return the seconds for one call, averaged over this many in a row.

    The time in which the thread waited for a core is subtracted, unless the
    function has threads of its own: it may have waited for those.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        start = clock()  # first, so interruptions only lengthen
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
    """Return how many calls take at least this many seconds."""
    calls = 1
    while True:
        took = calls * min(
            _block(function, calls, clock, waited) for _ in range(3)
        )
        if took >= seconds:
            return calls
        # Too short to be reliable: grow at most tenfold.
        wanted = calls * seconds / max(took, 1e-9)
        calls = math.ceil(min(10 * calls, 1.1 * wanted))
