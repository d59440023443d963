"""Energy and carbon of a run, and the carbon of a kilowatt-hour.

    energy = processors × power × time × PUE
    carbon = energy × intensity of the grid

PUE, the power usage effectiveness, is the energy of a data centre over the
energy of its computers: cooling and transformers are the rest.

Source: D. Patterson et al., "Carbon Emissions and Large Neural Network
Training", 2021, arXiv:2104.10350. Making the processors is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gpu_course.hardware.published import FOLDER, Sourced, read_table

# The average that operators reported in 2025: Uptime Institute, Global Data
# Center Survey 2025, as quoted by thefreesheet.com on 19 January 2026.
PUE = 1.54
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, kw_only=True)
class Grid(Sourced):
    """The carbon of a place's electricity.

    Attributes
    ----------
    place : str
    year : int
    g_co2_kwh : float
        Grams of CO₂ equivalents for each kilowatt-hour generated, over the
        life of the power stations.
    """

    place: str
    year: int
    g_co2_kwh: float


def grids(path: str | Path | None = None) -> tuple[Grid, ...]:
    """Return the table of grids, cleanest first."""
    return read_table(Path(path or FOLDER / "grids.csv"), Grid)


def grid(place: str) -> Grid:
    """Return the grid of that place.

    Raises
    ------
    ValueError
        If there is none.
    """
    known = {g.place: g for g in grids()}
    if place not in known:
        raise ValueError(f"no grid of {place!r}; there are {', '.join(known)}")
    return known[place]


def energy_kwh(power_w: float, seconds: float, pue: float = PUE) -> float:
    """Return the kilowatt-hours that a power draws in a time.

    Parameters
    ----------
    power_w : float
        Of all processors together.
    seconds : float
    pue : float
        1 where no room has to be cooled.

    Raises
    ------
    ValueError
        If `pue` is below 1, or another number negative.
    """
    if not pue >= 1:
        raise ValueError(f"pue must be at least 1, got {pue}")
    if not (power_w >= 0 and seconds >= 0):
        raise ValueError(
            "power and time must not be negative, got "
            f"{power_w} W and {seconds} s"
        )
    return power_w * seconds * pue / JOULES_PER_KWH


def carbon_kg(energy: float, g_co2_kwh: float) -> float:
    """Return the kilograms of CO₂ equivalents of kilowatt-hours."""
    return energy * g_co2_kwh / 1e3
