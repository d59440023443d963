"""What a task is, and one run of it: train, then judge beside a baseline."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gpu_course.common.device import pick_device, place
from gpu_course.training.checkpoint import (
    CheckpointError,
    read_tensors,
    with_prefix,
    write_tensors,
)
from gpu_course.training.loop import fit
from gpu_course.training.recipe import Recipe


@dataclass(frozen=True)
class Task:
    """A network to train on some data, and what it has to beat.

    Attributes
    ----------
    name : str
        As in ``gpu-course train NAME``.
    recipe : Recipe
        Its number of epochs is the default of the command.
    load : callable
        ``load(device)`` returns the data: any object with the attribute
        ``train``, a TensorDataset on the device, and whatever `judge` and
        `baseline` need. Nothing of the held-out part may be in ``train``.
    build : callable
        ``build(data)`` returns the untrained network, on the CPU. Its initial
        weights are drawn from torch's generator.
    loss : callable or None
        As in `fit`.
    judge : callable
        ``judge(model, data)`` returns {measure: value} on held-out data. The
        model is in evaluation mode, and no gradients are recorded.
    baseline : callable
        ``baseline(data)`` returns {"BASELINE: measure": value} on the same
        held-out data.
    measure : str
        The measure of `judge` that the baseline is compared by.
    higher_is_better : bool
    """

    name: str
    recipe: Recipe
    load: Callable[[torch.device], Any]
    build: Callable[[Any], torch.nn.Module]
    loss: Callable | None
    judge: Callable[[torch.nn.Module, Any], dict[str, float]]
    baseline: Callable[[Any], dict[str, float]]
    measure: str
    higher_is_better: bool = True


@dataclass(frozen=True)
class TaskRun:
    """What a run of a task gave.

    Attributes
    ----------
    model : torch.nn.Module
        Trained, in evaluation mode, on the device.
    data : object
        What the task loaded.
    recipe : Recipe
    losses : list of float
        The training loss of each step.
    measures, baseline : dict of str to float
        On held-out data.
    seconds : float
        Loading, training and judging; the baseline is left out.
    examples_per_second : float or None
        Of the training alone; None for a resumed run, which did part of the
        work before.
    """

    model: torch.nn.Module
    data: Any
    recipe: Recipe
    losses: list
    measures: dict
    baseline: dict
    seconds: float
    examples_per_second: float | None


def run_task(
    task: Task,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> TaskRun:
    """Train the task's network and judge it beside its baseline.

    Parameters
    ----------
    task : Task
    seed : int
        Of the initial weights and of the order of the examples.
    recipe : Recipe, optional
        Default: the task's.
    device : str or torch.device, optional
    checkpoint : path, optional
    resume, progress : bool
        These four are those of `fit`, which also says what this raises.
    """
    device = pick_device(device)
    recipe = recipe or task.recipe
    start = time.perf_counter()
    data = task.load(device)
    torch.manual_seed(seed)
    model = task.build(data)
    fitting = time.perf_counter()
    history = fit(
        model,
        data.train,
        recipe,
        seed=seed,
        loss=task.loss,
        device=device,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )
    fitted = time.perf_counter()
    model.eval()
    with torch.no_grad():
        measures = task.judge(model, data)
    seconds = time.perf_counter() - start
    examples = len(data.train) * recipe.epochs
    return TaskRun(
        model=model,
        data=data,
        recipe=recipe,
        losses=history.losses,
        measures=measures,
        baseline=task.baseline(data),
        seconds=seconds,
        examples_per_second=None if resume else examples / (fitted - fitting),
    )


def save_model(task: Task, model: torch.nn.Module, path: str | Path) -> None:
    """Write the weights to a safetensors file that `load_model` reads."""
    state = model.state_dict()
    tensors = {f"model.{key}": value for key, value in state.items()}
    write_tensors(path, tensors, {"task": task.name})


def load_model(
    task: Task,
    path: str | Path,
    data: Any,
    device: str | torch.device | None = None,
) -> torch.nn.Module:
    """Return the network that ``gpu-course train`` saved, ready for use.

    Parameters
    ----------
    task : Task
    path : path
    data : object
        What ``task.load`` returns; it decides the network's shape.
    device : str or torch.device, optional
        Default: `pick_device`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CheckpointError
        If it is damaged, or holds another network.
    """
    tensors, _ = read_tensors(path)
    model = task.build(data)
    try:
        model.load_state_dict(with_prefix(tensors, "model."))
    except RuntimeError as error:
        raise CheckpointError(
            f"{path} holds no network of the task {task.name}: {error}"
        ) from error
    return place(model, pick_device(device)).eval()
