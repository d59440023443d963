"""Full runs that were made once and came with the package, in ``runs/``.

Each file is what ``gpu-course train TASK --seed N --json`` printed, without
the path of the network.
"""

import json
from dataclasses import dataclass
from importlib import resources

RUNS = resources.files("gpu_course.tasks") / "runs"


@dataclass(frozen=True)
class Record:
    """The full runs of one task, over some seeds.

    Attributes
    ----------
    task : str
    runs : tuple of dict
        What the command printed, in the order of the seeds.
    """

    task: str
    runs: tuple

    def values(self, measure: str) -> list[float]:
        """Return a measure of the network, for each seed."""
        return [run["measures"][measure] for run in self.runs]

    def baselines(self, measure: str) -> dict[str, list[float]]:
        """Return {baseline: its values of this measure, for each seed}."""
        first = self.runs[0]["baseline"]
        return {
            name.rsplit(": ", 1)[0]: [
                run["baseline"][name] for run in self.runs
            ]
            for name in first
            if name.rsplit(": ", 1)[1] == measure
        }

    def table(self, measure: str) -> str:
        """Return mean, lowest and highest of the network and the baselines."""
        rows = {"network": self.values(measure), **self.baselines(measure)}
        width = max(map(len, rows))
        run = self.runs[0]
        lines = [
            f"gpu-course train {self.task} --seed N, N = "
            + ", ".join(str(run["seed"]) for run in self.runs)
            + f": {run['epochs']} epochs on {run['device']}",
            f"{measure:{width}}      mean    lowest   highest",
        ]
        lines += [
            f"{name:{width}}  {sum(v) / len(v):8.4f}  {min(v):8.4f}  "
            f"{max(v):8.4f}"
            for name, v in rows.items()
        ]
        return "\n".join(lines)


def recorded(task: str) -> Record:
    """Return the full runs of a task.

    Raises
    ------
    ValueError
        If there are none.
    """
    paths = (p for p in RUNS.iterdir() if p.name.endswith(".json"))
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    runs = [run for run in runs if run["task"] == task]
    if not runs:
        raise ValueError(f"no full run of a task {task!r} is stored")
    return Record(task, tuple(sorted(runs, key=lambda run: run["seed"])))
