"""Measurements of GPUs that others published, to set beside the roofline.

The table is ``gpu_course/hardware/tables/measurements.csv``. The course
measured nothing in it: each row has its source, as in the other tables of
`hardware`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpu_course.hardware.published import FOLDER, Sourced, read_table

if TYPE_CHECKING:
    from gpu_course.hardware.roofline import Ceilings


@dataclass(frozen=True, kw_only=True)
class Measurement(Sourced):
    """A rate that somebody measured on a GPU.

    Attributes
    ----------
    processor : str
        The GPU's name in `hardware.processors`.
    kernel : str
    elements : int or None
        Elements of each array, if stated.
    bytes_per_element : float or None
        Bytes read and written.
    flop_per_byte : float or None
        Arithmetic intensity; None for a kernel with almost no arithmetic.
    rate : float
    unit : {"GFLOP/s", "GB/s"}
    """

    processor: str
    kernel: str
    rate: float
    unit: str
    elements: int | None = None
    bytes_per_element: float | None = None
    flop_per_byte: float | None = None

    def attainable(self, ceilings: "Ceilings") -> float:
        """Return the rate that a roofline allows, in `unit`.

        Parameters
        ----------
        ceilings : roofline.Ceilings
        """
        if self.unit == "GB/s":
            return ceilings.bandwidth_gb_s
        assert self.flop_per_byte is not None
        return ceilings.attainable_gflop_s(self.flop_per_byte)


def measurements(path: str | Path | None = None) -> tuple[Measurement, ...]:
    """Return the published measurements, in the order of the table.

    Parameters
    ----------
    path : path-like, optional
        Another file with the same columns.

    Returns
    -------
    tuple of Measurement

    Raises
    ------
    ValueError
        If a row of the file is invalid; the message names line and column.
    """
    rows = read_table(Path(path or FOLDER / "measurements.csv"), Measurement)
    for row in rows:
        if row.unit not in ("GFLOP/s", "GB/s"):
            raise ValueError(f"unit must be GFLOP/s or GB/s, got {row.unit!r}")
        if row.unit == "GFLOP/s" and row.flop_per_byte is None:
            raise ValueError(
                f"{row.processor}, {row.kernel}: a rate in GFLOP/s needs a "
                "flop_per_byte"
            )
    return rows
