"""Published measurements of scaling, and what the model says of them.

The tables are ``tables/systems.csv``, what was measured on what, and
``tables/points.csv``, the efficiencies. The course measured nothing in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from gpu_course.hardware.published import Sourced, read_table
from gpu_course.scaling.scaling_model import Cluster, ScalingModel

FOLDER = Path(__file__).parent / "tables"


@dataclass(frozen=True, kw_only=True)
class System(Sourced):
    """A network on a cluster.

    Attributes
    ----------
    name, network, gpu : str
    parameters : float
    bytes_per_gradient : int
    compute_s : float
        A step of one GPU; `compute_from` says where it is from.
    gpus_per_server : int
    inside_gb_s, link_gb_s : float
        As of `Cluster`, from data sheets.
    algorithm : {"ring", "halving"}
    overlap : {"yes", "no"}
        Whether gradients are added up during the backward pass.
    """

    name: str
    network: str
    gpu: str
    parameters: float
    bytes_per_gradient: int
    compute_s: float
    compute_from: str
    gpus_per_server: int
    inside_gb_s: float
    link_gb_s: float
    algorithm: str
    overlap: str

    def model(self, jitter: float, latency_s: float) -> ScalingModel:
        """Return the model of this system, with the two fitted figures."""
        return ScalingModel(
            compute_s=self.compute_s,
            gradient_bytes=self.parameters * self.bytes_per_gradient,
            cluster=Cluster(
                self.gpus_per_server,
                self.inside_gb_s,
                self.link_gb_s,
                latency_s,
                self.algorithm,
            ),
            jitter=jitter,
            overlap=float(self.overlap == "yes"),
        )


@dataclass(frozen=True, kw_only=True)
class Point(Sourced):
    """A measured efficiency.

    Attributes
    ----------
    system : str
        The name of a `System`.
    gpus, base_gpus : int
        The throughput of a GPU among `gpus` is compared with that of a GPU
        among `base_gpus`.
    efficiency : float
    """

    system: str
    gpus: int
    base_gpus: int
    efficiency: float


@cache
def systems() -> dict[str, System]:
    """Return {name: system}, in the order of the table."""
    rows = read_table(FOLDER / "systems.csv", System)
    return {row.name: row for row in rows}


@cache
def points() -> tuple[Point, ...]:
    """Return the measured efficiencies, in the order of the table."""
    return read_table(FOLDER / "points.csv", Point)


def modelled(point: Point, jitter: float, latency_s: float) -> float:
    """Return the efficiency that the model gives for a point."""
    model = systems()[point.system].model(jitter, latency_s)
    return model.efficiency(point.gpus, point.base_gpus)


def fit(chosen: Iterable[Point]) -> tuple[float, float]:
    """Return the jitter and the latency that fit the points best.

    Of a grid, those with the smallest sum of squared relative errors: jitters
    in steps of 0.25 %, latencies in steps of 5 µs.

    Parameters
    ----------
    chosen : iterable of Point
    """
    chosen = tuple(chosen)
    if not chosen:
        raise ValueError("there must be points to fit to, got none")

    def badness(pair):
        errors = [modelled(p, *pair) / p.efficiency - 1 for p in chosen]
        return float(np.square(errors).sum())

    grid = [
        (float(jitter), float(latency))
        for jitter in np.arange(0, 33) / 400
        for latency in np.arange(0, 41) * 5e-6
    ]
    return min(grid, key=badness)
