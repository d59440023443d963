"""What is announced or projected, kept apart from what is sold and measured.

The table is ``tables/outlook.csv``.
"""

from dataclasses import dataclass
from pathlib import Path

from gpu_course.hardware.published import FOLDER, Sourced, read_table


@dataclass(frozen=True, kw_only=True)
class Statement(Sourced):
    """A number that somebody announced or projected.

    Attributes
    ----------
    what : str
    value : float
        In `unit`.
    unit : str
    year : int
        The year that it is about; for a product, of the announcement.
    """

    what: str
    value: float
    unit: str
    year: int


def outlook(path: str | Path | None = None) -> tuple[Statement, ...]:
    """Return the statements, in the order of the file."""
    return read_table(Path(path or FOLDER / "outlook.csv"), Statement)
