"""Every task: trains, is judged beside its baseline, resumes, comes back.

What a task learns is tested in a module of its own; here is what all share.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import TensorDataset

from gpu_course.tasks.listing import NAMES, task_named
from gpu_course.tasks.task import load_model, run_task, save_model
from gpu_course.training import loop
from gpu_course.training.checkpoint import CheckpointError

ROOT = Path(__file__).parents[2]
EXAMPLES = 24  # of the training set: enough to see that it runs


@pytest.fixture(scope="module", params=NAMES)
def small(request):
    """A task whose training set was cut to three steps, and its data."""
    task = task_named(request.param)
    data = task.load(torch.device("cpu"))
    tensors = tuple(t[:EXAMPLES].clone() for t in data.train.tensors)
    data = replace(data, train=TensorDataset(*tensors))
    recipe = replace(task.recipe, batch_size=8, epochs=1)
    return replace(task, load=lambda device: data, recipe=recipe), data


def run(task, **options):
    return run_task(task, device="cpu", progress=False, **options)


def state(model):
    return torch.cat(
        [t.flatten().double() for t in model.state_dict().values()]
    )


@pytest.fixture(scope="module")
def done(small):
    return run(small[0])


def test_it_trains_and_measures(small, done):
    task, _ = small
    assert len(done.losses) == 3
    assert done.examples_per_second > 0
    assert task.measure in done.measures
    for values in (done.measures, done.baseline):
        assert values
        for value in values.values():
            assert isinstance(value, float)
            assert value == value
    for name in done.baseline:
        assert re.fullmatch(r".+: .+", name)
    assert any(n.endswith(f": {task.measure}") for n in done.baseline)
    assert not done.model.training


def test_the_seed_decides(small, done):
    task, _ = small
    assert torch.equal(state(run(task).model), state(done.model))
    assert not torch.equal(state(run(task, seed=1).model), state(done.model))


def test_an_interrupted_run_is_resumed_to_the_same_bits(
    small, done, tmp_path, monkeypatch
):
    task, _ = small
    path = tmp_path / "run.safetensors"
    real, steps = loop._Run.train_step, []

    def stops(self, batch):
        if len(steps) == 2:
            self.interrupt()
        steps.append(batch)
        return real(self, batch)

    monkeypatch.setattr(loop._Run, "train_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run(task, checkpoint=path)
    monkeypatch.setattr(loop._Run, "train_step", real)
    resumed = run(task, checkpoint=path, resume=True)
    assert resumed.losses == done.losses
    assert torch.equal(state(resumed.model), state(done.model))
    assert resumed.measures == done.measures
    assert resumed.examples_per_second is None


def test_a_saved_network_comes_back(small, done, tmp_path):
    task, data = small
    path = tmp_path / "network.safetensors"
    save_model(task, done.model, path)
    loaded = load_model(task, path, data, "cpu")
    assert torch.equal(state(loaded), state(done.model))
    with torch.no_grad():
        assert task.judge(loaded, data) == done.measures


def test_another_network_is_refused(small, tmp_path):
    task, data = small
    path = tmp_path / "network.safetensors"
    save_model(task, torch.nn.Linear(3, 1), path)
    with pytest.raises(CheckpointError, match=f"of the task {task.name}"):
        load_model(task, path, data, "cpu")


def test_the_listing_is_that_of_the_modules():
    modules = {module for module, _ in NAMES.values()}
    files = {
        path.stem for path in (ROOT / "gpu_course/tasks").glob("[!_]*.py")
    }
    assert modules <= files
    for module in modules:
        imported = __import__(f"gpu_course.tasks.{module}", fromlist=["TASKS"])
        theirs = {n for n, (m, _) in NAMES.items() if m == module}
        assert set(imported.TASKS) == theirs
        assert {t.name for t in imported.TASKS.values()} == theirs


def test_each_title_names_a_chapter_that_exists():
    chapters = {p.name[:2] for p in (ROOT / "notebooks").glob("*.ipynb")}
    for _, title in NAMES.values():
        assert re.search(r"\(chapter (\d\d)\)$", title)[1] in chapters


def test_an_unknown_task():
    with pytest.raises(ValueError, match="no task 'poetry'; the tasks are"):
        task_named("poetry")
