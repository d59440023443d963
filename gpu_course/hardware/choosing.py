"""Which processors fit a workload, and what the work costs on each.

    time = max(FLOPs / (utilisation × peak), bytes / bandwidth) / processors
    cost = processors × time × price of an hour

Peak is that of the chosen precision. Energy and carbon follow from the time
(`electricity`). All of it is modelled from published figures. The model leaves
out launches, what processors tell each other, and interruptions, so it is for
large work: a small network waits for launches (`modelled_gpu`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpu_course.hardware.electricity import PUE, carbon_kg, energy_kwh
from gpu_course.hardware.prices import Price, cheapest
from gpu_course.hardware.published import Processor, processors

if TYPE_CHECKING:
    from collections.abc import Iterable

# Model FLOPs utilisation: the FLOPs that the model needs, as a share of the
# peak over the whole run. Llama 3 reached 0.38 to 0.43 on up to 16,384 H100s:
# A. Grattafiori et al., The Llama 3 Herd of Models, 2024, arXiv:2407.21783.
UTILISATION = 0.4
# Assumed: the rest is for the allocator, the libraries and temporary arrays.
USABLE = 0.9


@dataclass(frozen=True)
class Workload:
    """What a run needs of a processor.

    Attributes
    ----------
    name : str
    precision : {"fp64", "fp32", "tf32", "fp16", "bf16", "fp8"}
        Of the products.
    memory_bytes : float
        Held at the same time.
    flops, moved_bytes : float
        Totals of the run: FLOPs, and bytes to and from the memory.

    Raises
    ------
    ValueError
        If a number is negative, or the precision unknown.
    """

    name: str
    precision: str
    memory_bytes: float
    flops: float
    moved_bytes: float = 0

    def __post_init__(self):
        if not hasattr(Processor, f"{self.precision}_tflops"):
            raise ValueError(f"unknown precision {self.precision!r}")
        for name in ("memory_bytes", "flops", "moved_bytes"):
            if not getattr(self, name) >= 0:
                raise ValueError(
                    f"{name} must not be negative, got {getattr(self, name)}"
                )


@dataclass(frozen=True)
class Choice:
    """A workload on some processors of one kind, modelled.

    Attributes
    ----------
    processor : published.Processor
    count : int
        How many processors share the work and the memory.
    seconds : float or None
        None if the peak or the bandwidth isn't published.
    price : prices.Price or None
        The lowest rent.
    obstacles : tuple of str
        Why it doesn't fit; empty if it does.
    """

    processor: Processor
    count: int
    seconds: float | None
    price: Price | None
    obstacles: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.obstacles

    @property
    def usd(self) -> float | None:
        """The rent of all processors for the run."""
        if self.seconds is None or self.price is None:
            return None
        return self.count * self.seconds / 3600 * self.price.usd

    def kwh(self, pue: float = PUE) -> float | None:
        """Return the energy at full power, or None if it isn't published."""
        watts = self.processor.power_w
        if self.seconds is None or watts is None:
            return None
        return energy_kwh(self.count * watts, self.seconds, pue)

    def carbon_kg(self, g_co2_kwh: float, pue: float = PUE) -> float | None:
        """Return the kilograms of CO₂ equivalents, or None."""
        energy = self.kwh(pue)
        return None if energy is None else carbon_kg(energy, g_co2_kwh)


def run_seconds(
    processor: Processor,
    work: Workload,
    count: int = 1,
    utilisation: float = UTILISATION,
) -> float | None:
    """Return the modelled seconds of a run.

    Parameters
    ----------
    processor : published.Processor
    work : Workload
    count : int
        Processors that share the work without loss.
    utilisation : float
        The share of the peak that the FLOPs reach.

    Returns
    -------
    float or None
        None if the peak or the bandwidth isn't published.

    Raises
    ------
    ValueError
        If `count` is below 1 or `utilisation` isn't in (0, 1].
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if not 0 < utilisation <= 1:
        raise ValueError(
            f"utilisation must be above 0 and at most 1, got {utilisation}"
        )
    peak = getattr(processor, f"{work.precision}_tflops")
    if peak is None or processor.bandwidth_gb_s is None:
        return None
    return (
        max(
            work.flops / (utilisation * peak * 1e12),
            work.moved_bytes / (processor.bandwidth_gb_s * 1e9),
        )
        / count
    )


def count_for_memory(processor: Processor, memory_bytes: float) -> int | None:
    """Return how many processors hold so many bytes, each an equal part.

    Only the share `USABLE` of each memory is used. An Instinct MI250X counts
    as one, though software sees its two dies as two GPUs.

    Returns
    -------
    int or None
        None if the size of the memory isn't published.
    """
    if processor.memory_gb is None:
        return None
    room = USABLE * processor.memory_gb * 1e9
    return max(1, math.ceil(memory_bytes / room))


def choose(
    work: Workload,
    *,
    budget_usd: float | None = None,
    power_w: float | None = None,
    count: int = 1,
    candidates: Iterable[Processor] | None = None,
    utilisation: float = UTILISATION,
) -> tuple[Choice, ...]:
    """Return a `Choice` for each processor: those that fit, by cost, first.

    Parameters
    ----------
    work : Workload
    budget_usd : float, optional
        The most that the rent of the run may cost.
    power_w : float, optional
        The most that all processors together may draw.
    count : int
        The number of processors, as `run_seconds` takes it.
    candidates : iterable of Processor, optional
        Default: all of the table.
    utilisation : float
    """
    found = [
        _choice(one, work, budget_usd, power_w, count, utilisation)
        for one in (processors() if candidates is None else candidates)
    ]
    return tuple(sorted(found, key=_order))


def _choice(processor, work, budget_usd, power_w, count, utilisation):
    seconds = run_seconds(processor, work, count, utilisation)
    made = Choice(processor, count, seconds, cheapest(processor.name))
    obstacles = []
    if seconds is None:
        obstacles.append(f"no {work.precision} peak or bandwidth published")
    needed = count_for_memory(processor, work.memory_bytes)
    if needed is None:
        obstacles.append("size of the memory not in the table")
    elif needed > count:
        obstacles.append(f"memory: {needed} needed")
    if power_w is not None:
        if processor.power_w is None:
            obstacles.append("power not published")
        elif count * processor.power_w > power_w:
            obstacles.append(f"power: {count * processor.power_w:,.0f} W")
    if budget_usd is not None:
        if made.usd is None:
            obstacles.append("no price")
        elif made.usd > budget_usd:
            obstacles.append(f"cost: ${made.usd:,.0f}")
    return Choice(processor, count, seconds, made.price, tuple(obstacles))


def _order(choice):
    infinity = float("inf")
    usd, seconds = choice.usd, choice.seconds
    return (
        len(choice.obstacles),
        infinity if usd is None else usd,
        infinity if seconds is None else seconds,
    )


def table(choices: Iterable[Choice]) -> str:
    """Return choices as text, one line each."""
    lines = [
        f"{'':<18}{'hours':>10}{'kWh':>10}{'$/h each':>10}{'$':>10}  obstacles"
    ]
    for one in choices:
        hours = None if one.seconds is None else one.seconds / 3600
        each = one.price and one.price.usd
        lines.append(
            f"{one.processor.name:<18}{_cell(hours)}{_cell(one.kwh())}"
            f"{_cell(each)}{_cell(one.usd)}  {'; '.join(one.obstacles)}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _cell(value):
    if value is None:
        return f"{'–':>10}"
    return f"{value:>10,.0f}" if value >= 100 else f"{value:>10.3g}"
