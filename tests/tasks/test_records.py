"""The stored full runs: complete, of today's recipes, and read rightly."""

import json
import re

import pytest

from gpu_course.tasks import records
from gpu_course.tasks.listing import NAMES, task_named
from gpu_course.tasks.records import recorded

FILES = sorted(records.RUNS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_three_seeds_of_each_task_are_stored(name):
    record, task = recorded(name), task_named(name)
    assert [run["seed"] for run in record.runs] == [0, 1, 2]
    for run in record.runs:
        assert run["epochs"] == task.recipe.epochs
        assert not run["resumed"]
        assert task.measure in run["measures"]
        assert record.baselines(task.measure)
        assert set(run["measures"]) == set(record.runs[0]["measures"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_named_after_its_run_and_holds_no_path(path):
    run = json.loads(path.read_text("utf-8"))
    assert path.stem == f"{run['task']}-{run['seed']}"
    assert run["task"] in NAMES
    assert not re.search(r"/\w", path.read_text("utf-8"))


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RUNS", tmp_path)
    for seed, value in [(1, 0.5), (0, 0.25)]:
        run = {
            "task": "digits",
            "seed": seed,
            "epochs": 3,
            "device": "cpu",
            "measures": {"accuracy": value},
            "baseline": {"guessing: accuracy": 0.125, "other: loss": 9.0},
        }
        (tmp_path / f"digits-{seed}.json").write_text(json.dumps(run))


def test_the_runs_come_in_the_order_of_the_seeds(stored):
    record = recorded("digits")
    assert record.values("accuracy") == [0.25, 0.5]
    assert record.baselines("accuracy") == {"guessing": [0.125, 0.125]}


def test_the_table_has_mean_and_range(stored):
    command, head, network, baseline = (
        recorded("digits").table("accuracy").splitlines()
    )
    assert command == (
        "gpu-course train digits --seed N, N = 0, 1: 3 epochs on cpu"
    )
    assert head.split() == ["accuracy", "mean", "lowest", "highest"]
    assert network.split() == ["network", "0.3750", "0.2500", "0.5000"]
    assert baseline.split() == ["guessing"] + ["0.1250"] * 3


def test_no_run_at_all(stored):
    with pytest.raises(ValueError, match="no full run of a task 'poetry'"):
        recorded("poetry")
