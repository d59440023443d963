"""What an hour of a processor costs, or the processor itself.

The table is ``tables/prices.csv``. A price holds for its provider and its
date; read it again before you spend money.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from gpu_course.hardware.published import FOLDER, Sourced, read_table


@dataclass(frozen=True, kw_only=True)
class Price(Sourced):
    """A price without tax, storage and traffic.

    Attributes
    ----------
    processor : str
        The name in `published.processors`.
    offer : {"rent", "buy"}
        ``"rent"`` is by the hour, on demand.
    usd : float
        US dollars, for an hour of one processor or for the processor.
    provider : str
    date : datetime.date
        The first day of the month in which the price held.
    """

    processor: str
    offer: str
    usd: float
    provider: str
    date: datetime.date


def prices(path: str | Path | None = None) -> tuple[Price, ...]:
    """Return the table of prices, in the order of the file.

    Parameters
    ----------
    path : path-like, optional
        Another file with the same columns.

    Raises
    ------
    ValueError
        If a row of the file is invalid; the message names line and column.
    """
    return read_table(Path(path or FOLDER / "prices.csv"), Price)


def cheapest(processor: str, offer: str = "rent") -> Price | None:
    """Return the lowest price of a processor, or None where there is none."""
    found = [
        price
        for price in prices()
        if price.processor == processor and price.offer == offer
    ]
    return min(found, key=lambda price: price.usd, default=None)
