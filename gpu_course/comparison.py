"""Two calls timed in turn, and whether one is faster."""

import contextlib
import gc
import math
import random
import statistics
from dataclasses import dataclass, field

from gpu_course.clocks import (
    Surroundings,
    core_waits,
    now,
    others_ran,
    threads_set,
    waiting_clock,
)
from gpu_course.medians import FEWEST, median_interval
from gpu_course.timed import (
    Timing,
    checked_device,
    name_of,
    timing_of,
    warm_up,
)

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
    def faster(self):
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
    def verdict(self):
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


def compare(
    a, b, labels=None, *, pairs=None, precision=0.02, min_run_time_s=0.5,
    max_run_time_s=5.0, smallest=0.03, best_of=3, block_s=5e-4,
    device=None, threads=None, transfers="none", warm_up_s=0.02, seed=0,
    clock=None, after_pair=None,
):  # fmt: skip
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
    pairs : int, optional
        How many. Default: at least 30 and for `min_run_time_s`, then until
        half of the interval is at most `precision` of the ratio; six if that
        takes longer than `max_run_time_s`.
    smallest : float
        A difference up to this share isn't called one.
    best_of : int
        Blocks of each side in a pair; 1 for calls that take seconds.
    block_s : float
        A block has as many calls as take at least this long, and the same
        number for a and b unless these differ more than fourfold.
    seed : int
        Of the order.
    after_pair : callable, optional
        Gets the seconds of a and of b after each pair.
    device, threads, transfers, warm_up_s, clock
        As for `time_call`; `warm_up_s` 0 leaves the warm-up out.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If `pairs` or `best_of` isn't positive; else as `time_call`.
    """
    for name, number in (("pairs", pairs), ("best_of", best_of)):
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
    device = checked_device(device, transfers, precision)
    labels = labels or (name_of(a, None), name_of(b, None))
    if labels[0] == labels[1]:
        labels = ("a", "b")
    draw, functions = random.Random(seed), (a, b)
    times, ratios, calls, check = ([], []), [], [1, 1], PAIRS
    first = 0
    waits = core_waits() if clock is None else contextlib.nullcontext(float)
    with (
        threads_set(threads) as used,
        waits as lost,
        Surroundings(device) as around,
    ):
        if warm_up_s > 0:
            warm_up(functions, warm_up_s, clock or now)
        clock = clock or waiting_clock()
        if warm_up_s > 0:
            calls = [_calls(f, block_s, clock, lost) for f in functions]
            # The best of short blocks is better than that of long ones.
            if max(calls) <= ALIKE * min(calls):
                calls = [max(calls)] * 2
        start = clock()
        while True:
            first = 1 - first if len(ratios) % 2 else draw.randrange(2)
            best = [math.inf, math.inf]
            for turn in range(2 * best_of):
                which = (first + (turn + 1) // 2) % 2  # 0 1 1 0 0 1
                seconds = _block(functions[which], calls[which], clock, lost)
                best[which] = min(best[which], seconds)
            for which in (0, 1):
                times[which].append(best[which])
            ratios.append(best[0] / max(best[1], 1e-9))
            if after_pair is not None:
                after_pair(*best)
            count, elapsed = len(ratios), clock() - start
            if pairs is not None:
                if count >= pairs:
                    break
            elif count >= FEWEST and elapsed >= max_run_time_s:
                break
            elif count >= check and elapsed >= min_run_time_s:
                check = count + count // 10  # looking takes time as well
                interval = median_interval(ratios)
                width = (interval.high - interval.low) / 2
                if width <= precision * statistics.median(ratios):
                    break
    interval = median_interval(ratios)
    return Comparison(
        statistics.median(ratios), interval.low, interval.high,
        interval.confidence, tuple(ratios),
        *(
            timing_of(
                labels[i], times[i], calls[i] * best_of * len(ratios), device,
                used, transfers, around, None,
            )
            for i in (0, 1)
        ),
        smallest,
    )  # fmt: skip


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


def _calls(function, seconds, clock, waited):
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
