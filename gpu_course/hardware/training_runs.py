"""Training runs that others published, to hold a model of cost against.

The table is ``tables/training_runs.csv``. The course measured nothing in it.
"""

from dataclasses import dataclass
from pathlib import Path

from gpu_course.hardware.published import FOLDER, Sourced, read_table


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Sourced):
    """A run that somebody else made and counted.

    Attributes
    ----------
    model : str
    parameters, tokens : float
        Size of the model, and number of tokens that it was trained on.
    processor : str
        The name in `published.processors`.
    precision : str
        As in ``fp32``, ``bf16``.
    gpu_hours : float
        Hours × processors.
    usd, t_co2 : float or None
        Cost of the run; tonnes of CO₂ equivalents.
    """

    model: str
    parameters: float
    tokens: float
    processor: str
    precision: str
    gpu_hours: float
    usd: float | None = None
    t_co2: float | None = None


def training_runs(path: str | Path | None = None) -> tuple[TrainingRun, ...]:
    """Return the published runs, smallest model first."""
    return read_table(Path(path or FOLDER / "training_runs.csv"), TrainingRun)
