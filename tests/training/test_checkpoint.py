"""Runs that are stopped, killed and resumed, and files that are damaged."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import safetensors.torch
import torch
from small_runs import ADAM, SGD, examples, fit
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from gpu_course.common import files
from gpu_course.training import loop
from gpu_course.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    read_tensors,
    write_tensors,
)
from gpu_course.training.classifier import Classifier
from gpu_course.training.lenet import LeNet
from gpu_course.training.loop import TrainingInterrupted


def loader():
    return DataLoader(examples(), 8, shuffle=True)


class Dropping(LeNet):
    """A model that draws random numbers as it trains."""

    def forward(self, images):
        logits = super().forward(images)
        return functional.dropout(logits, 0.3, training=self.training)


def new(kind=LeNet, seed=0):
    torch.manual_seed(seed)
    return kind()


def same(model, other):
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def stop_in(model, call):
    """Press Ctrl-C while the model is called for the so-many-th time."""
    calls = []

    def hook(*_):
        calls.append(None)
        if len(calls) == call:
            signal.raise_signal(signal.SIGINT)

    model.register_forward_hook(hook)
    return model


# Resuming: 3 batches in each of 2 epochs. The model's calls 4 and 8 are
# validation; the others are the training steps.
LAST_STEP = 7


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("make", [examples, loader])
@pytest.mark.parametrize(
    ("recipe", "kind"), [(SGD, LeNet), (ADAM, LeNet), (ADAM, Dropping)]
)
def test_a_stopped_run_goes_on_to_the_same_bits(
    tmp_path, recipe, kind, make, stop
):
    path, held_out = tmp_path / "run", examples(9, seed=2)
    expected = new(kind)
    history = fit(expected, make(), recipe, validation=held_out)
    stopped = stop_in(new(kind), stop)
    with pytest.raises(TrainingInterrupted, match="resuming goes on from"):
        fit(stopped, make(), recipe, validation=held_out, checkpoint=path)
    assert same(stopped, expected) == (stop == LAST_STEP)
    resumed = new(kind, seed=5)
    again = fit(
        resumed,
        make(),
        recipe,
        validation=held_out,
        checkpoint=path,
        resume=True,
    )
    assert same(resumed, expected)
    assert again == history
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_run_can_be_stopped_in_every_step(tmp_path):
    path, expected = tmp_path / "run", new()
    history = fit(expected, examples(), ADAM)
    for attempt in range(6):
        with pytest.raises(TrainingInterrupted, match="training stopped"):
            fit(
                stop_in(new(seed=attempt), 1),
                examples(),
                ADAM,
                checkpoint=path,
                resume=attempt > 0,
            )
    resumed = new(seed=9)
    again = fit(resumed, examples(), ADAM, checkpoint=path, resume=True)
    assert same(resumed, expected)
    assert again == history


def test_a_finished_run_resumes_to_itself(tmp_path):
    path, model = tmp_path / "run", new()
    history = fit(model, examples(), ADAM, checkpoint=path)
    resumed = new(seed=5)
    again = fit(resumed, examples(), ADAM, checkpoint=path, resume=True)
    assert again == history
    assert same(resumed, model)


def test_a_checkpoint_is_written_before_the_first_step(tmp_path):
    path, model, seen = tmp_path / "run", new(), []
    model.register_forward_hook(lambda *_: seen.append(Checkpoint.load(path)))
    fit(model, examples(), SGD, checkpoint=path)
    for key, value in new().state_dict().items():
        assert torch.equal(seen[0].model[key], value)
    assert seen[0].optimizer["state"] == {}


def test_a_run_is_saved_now_and_then(tmp_path, monkeypatch):
    path, steps, model = tmp_path / "run", [], new()

    def look(*_):
        progress = Checkpoint.load(path).progress
        steps.append(3 * progress["epoch"] + progress["batch"])

    model.register_forward_pre_hook(look)
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0)
    fit(model, examples(), SGD, checkpoint=path)
    assert steps == [0, 1, 2, 3, 4, 5]


def test_resuming_takes_the_threads_of_the_run(tmp_path):
    path, before = tmp_path / "run", torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        fit(new(), examples(), SGD, checkpoint=path)
        torch.set_num_threads(1)
        fit(new(), examples(), SGD, checkpoint=path, resume=True)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# Files that are of no use


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": replace(SGD, learning_rate=0.1)}, "its recipe is .*0.05"),
        ({"recipe": replace(SGD, epochs=3)}, "its recipe is .*'epochs': 2"),
        ({"seed": 1}, "its seed is 0, this run's is 1"),
        ({"train": examples(30)}, "its batches is 3, this run's is 4"),
        ({"model": nn.Linear(784, 10)}, "another model"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, options, message):
    options = {
        "model": LeNet(),
        "train": examples(),
        "recipe": SGD,
        "checkpoint": tmp_path / "run",
    } | options
    fit(new(), examples(), SGD, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        fit(**options, resume=True)


def test_there_must_be_a_checkpoint_to_resume_from(tmp_path):
    with pytest.raises(ValueError, match="resume=True needs a checkpoint"):
        fit(new(), examples(), SGD, resume=True)
    with pytest.raises(FileNotFoundError, match="run"):
        fit(new(), examples(), SGD, resume=True, checkpoint=tmp_path / "run")


def test_a_trained_model_is_not_a_run(tmp_path):
    Classifier(new(), device="cpu").save(tmp_path / "model")
    with pytest.raises(CheckpointError, match="not a run that can be resumed"):
        Checkpoint.load(tmp_path / "model")


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The bytes of a checkpoint in the middle of a run."""
    path = tmp_path_factory.mktemp("run") / "run"
    with contextlib.suppress(TrainingInterrupted):
        fit(stop_in(new(), 4), examples(), ADAM, checkpoint=path)
    return path.read_bytes()


def load(tmp_path, content):
    path = tmp_path / "run"
    path.write_bytes(content)
    return Checkpoint.load(path)


def test_a_checkpoint_reads_back(tmp_path, content):
    saved = load(tmp_path, content)
    assert len(saved.losses) == 4
    assert saved.progress["batch"] == 1


@pytest.mark.parametrize("part", [0, 1e-5, 0.001, 0.01, 0.5, 0.9, 0.99999])
def test_a_truncated_file_is_an_error(tmp_path, content, part):
    with pytest.raises(CheckpointError, match="delete it and train again"):
        load(tmp_path, content[: int(part * len(content))])


def test_a_longer_file_is_an_error(tmp_path, content):
    with pytest.raises(CheckpointError, match="damaged"):
        load(tmp_path, content + b"\0")


def test_any_flipped_bit_is_an_error(tmp_path, content):
    header = 8 + int.from_bytes(content[:8], "little")
    chance = random.Random(0)
    places = [*range(8), *range(8, header, 11)]
    places += [chance.randrange(header, len(content)) for _ in range(100)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        with pytest.raises(CheckpointError, match="run is"):
            load(tmp_path, flipped)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_foreign_safetensors_file_is_an_error(tmp_path, metadata):
    foreign = safetensors.torch.save({"weight": torch.zeros(2)}, metadata)
    with pytest.raises(
        CheckpointError, match="not a checkpoint of this course"
    ):
        load(tmp_path, foreign)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_an_error_and_is_not_run(tmp_path):
    trap, path = tmp_path / "trap", tmp_path / "model.pt"
    torch.save({"model": Evil(trap)}, path)
    for load in (Checkpoint.load, read_tensors, Classifier.load):
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            load(path)
    assert not trap.exists()
    torch.load(path, weights_only=False)["model"].close()
    assert trap.exists()  # it would have been


def test_what_is_written_is_what_is_read(tmp_path):
    tensors = {
        "float": torch.rand(3, 4).t(),
        "channels_last": torch.rand(2, 3, 4, 5).to(
            memory_format=torch.channels_last
        ),
        "half": torch.rand(2).bfloat16(),
        "scalar": torch.tensor(3.0),
        "none": torch.zeros(0),
        "bytes": torch.arange(4, dtype=torch.uint8),
        "view": torch.arange(9.0)[2:5],
    }
    text = {"é": [1, 2.5, None, {"a": True}]}
    write_tensors(tmp_path / "file", tensors, text)
    read, read_text = read_tensors(tmp_path / "file")
    assert read_text == text
    assert read.keys() == tensors.keys()
    for key, value in tensors.items():
        assert read[key].dtype == value.dtype
        assert torch.equal(read[key], value)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_tensors(path, {"a": torch.zeros(2)}, {})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(path, {"a": torch.ones(2)}, {})
    assert read_tensors(path)[0]["a"].tolist() == [0, 0]
    assert list(tmp_path.iterdir()) == [path]


# Real processes

WORKER = """
import sys
from pathlib import Path
import torch
from gpu_course.training import loop
from test_checkpoint import LONG, examples, fit, new

torch.set_num_threads(1)
loop.SAVE_EVERY_S = 0.001
path = Path(sys.argv[1])
fit(new(seed=7), examples(), LONG, checkpoint=path, resume=path.exists())
"""
LONG = replace(ADAM, epochs=400)  # 1,200 steps, with a file after most


@pytest.fixture
def start():
    """Start Python programs; those that are left are killed at the end."""
    started = []

    def start(program, *arguments):
        folder = os.path.dirname(__file__)  # noqa: PTH120
        path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_change(path, before, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists() or path.stat().st_mtime_ns == before:
        assert time.monotonic() < end, f"{path} was not written"
        time.sleep(0.005)


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, start, one_thread):
    path, chance = tmp_path / "run", random.Random(0)
    batches, written = [], None
    for _ in range(4):
        process = start(WORKER, path)
        wait_for_change(path, written)
        time.sleep(chance.uniform(0, 0.2))
        assert process.poll() is None, process.communicate()[1]
        process.kill()
        process.wait()
        written = path.stat().st_mtime_ns
        batches.append(len(Checkpoint.load(path).losses))
    assert batches == sorted(batches)
    assert 0 < batches[-1] < 3 * LONG.epochs
    expected, resumed = new(seed=7), new(seed=5)
    history = fit(expected, examples(), LONG)
    again = fit(resumed, examples(), LONG, checkpoint=path, resume=True)
    assert same(resumed, expected)
    assert again == history


COMMAND = """
import sys
import time
import gpu_course.data.mnist
from gpu_course import cli
from gpu_course.training.lenet import LeNet
from test_checkpoint import examples

def forward(self, images, original=LeNet.forward):
    print("a step", flush=True)
    time.sleep(float(sys.argv[2]))
    return original(self, images)

LeNet.forward = forward
gpu_course.data.mnist.preload = lambda split, device: examples()
options = ["--epochs", "1000000", "--device", "cpu", "--output", sys.argv[1]]
sys.exit(cli.main(["train", *options]))
"""


def test_ctrl_c_leaves_a_checkpoint(tmp_path, start):
    process = start(COMMAND, tmp_path / "lenet", 0)
    for _ in range(20):
        assert process.stdout.readline() == "a step\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "training stopped after batch 1 of 1 of epoch" in errors
    assert "Traceback" not in errors
    (path,) = tmp_path.iterdir()
    assert path.name in errors
    assert len(Checkpoint.load(path).losses) >= 20


def test_a_second_ctrl_c_stops_a_step_that_hangs(tmp_path, start):
    process = start(COMMAND, tmp_path / "lenet", 500)
    assert process.stdout.readline() == "a step\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None  # the step is to be finished
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    (path,) = tmp_path.iterdir()
    assert Checkpoint.load(path).progress["batch"] == 0
