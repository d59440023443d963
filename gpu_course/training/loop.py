"""Train a network and judge a classifier: `fit` and `evaluate`.

`fit` is the loop that the chapters take apart: batches, loss, gradient,
update. It also has what a real run needs: seeds, a validation split, progress,
a check for NaN, and checkpoints that a killed run resumes from.
"""

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch._dynamo  # else the first optimizer imports it, when timed
from torch.nn import functional

from gpu_course.common.device import pick_device, place
from gpu_course.common.progress_bar import progress_bar
from gpu_course.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from torch.utils.data import DataLoader, TensorDataset

    from gpu_course.training.recipe import Recipe

CHECK_EVERY = 50  # steps between checks of the loss: each waits for a GPU
SAVE_EVERY_S = 5.0


@dataclass
class History:
    """What a run recorded.

    Attributes
    ----------
    losses : list of float
        The training loss of each step.
    validation_loss, validation_accuracy : list of float
        After each epoch, if a validation set was given; accuracy from 0 to 1.
    """

    losses: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_accuracy: list = field(default_factory=list)


class TrainingDiverged(ArithmeticError):
    """The loss became NaN or infinite."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted between two steps."""


def fit(
    model: torch.nn.Module,
    train: "TensorDataset | DataLoader",
    recipe: "Recipe",
    *,
    validation: "TensorDataset | DataLoader | None" = None,
    loss: Callable | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> History:
    """Train the model in place and return what happened.

    Parameters
    ----------
    model : torch.nn.Module
    train : TensorDataset or DataLoader
        A TensorDataset should already be on the device (`data.preload`).
        A DataLoader has its own batch size; the recipe's is not used.
    recipe : Recipe
    validation : TensorDataset or DataLoader, optional
        Images and labels, evaluated after each epoch, never trained on.
    loss : callable, optional
        ``loss(model, *batch)`` returns the loss of a batch, a scalar tensor;
        ``batch`` has as many tensors as the training set. Default: the
        cross-entropy of ``model(images)``, logits (N, classes), with the
        recipe's label smoothing.
    seed : int
        Seed of the order of the examples. For the initial weights, call
        ``torch.manual_seed`` before making the model.
    device : str or torch.device, optional
        Default: `pick_device`.
    checkpoint : path, optional
        Written at the start, every five seconds and at the end.
    resume : bool
        Continue from the checkpoint, with as many threads as it was made with.
        On the same CPU the weights are bit-identical to those of a run that
        was not interrupted. A GPU may add in a different order each time.
    progress : bool
        Show a bar for the batches of each epoch.

    Raises
    ------
    TrainingDiverged
        If the loss or a weight becomes NaN or infinite.
    TrainingInterrupted
        On Ctrl-C or "interrupt kernel", after the checkpoint is written.
    ValueError
        If the checkpoint belongs to another recipe, seed or model.
    """
    device = pick_device(device)
    _keep_freed_memory()
    place(model, device)
    model.train()
    loss = loss or _cross_entropy(recipe)
    run = _Run(model, train, recipe, seed, loss, device, checkpoint)
    if resume:
        run.load()
    else:
        run.save()
    with _stop_on_interrupt() as stop:
        while run.epoch < recipe.epochs:
            run.train_epoch(stop, progress)
            if validation is not None:
                judged = evaluate(model, validation, device)
                run.history.validation_loss.append(judged[0])
                run.history.validation_accuracy.append(judged[1])
                model.train()
            run.epoch, run.batch = run.epoch + 1, 0
            if stop.is_set():  # Ctrl-C during the validation
                run.interrupt()
    run.save()
    run.history.losses = run.recorded()
    return run.history


@torch.no_grad()
def evaluate(
    model: torch.nn.Module,
    dataset: "TensorDataset | DataLoader",
    device: str | torch.device | None = None,
    batch_size: int = 1000,
) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy (0 to 1) on a data set.

    Parameters
    ----------
    dataset : TensorDataset or DataLoader
        As for `fit`.
    """
    device = pick_device(device)
    model.eval()
    total = torch.zeros(2, dtype=torch.float64)
    count = 0
    for images, labels in _batches(dataset, batch_size, device):
        logits = model(images)
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        right = (logits.argmax(dim=1) == labels).sum()
        total += torch.stack([loss, right.to(loss.dtype)]).cpu()
        count += len(labels)
    if count == 0:
        raise ValueError("the data set is empty")
    loss, right = (total / count).tolist()
    return loss, right


class _Run:
    """One training run: its progress, and how to save and load it."""

    def __init__(self, model, train, recipe, seed, loss, device, checkpoint):
        self.model, self.train, self.recipe = model, train, recipe
        self.seed, self.loss = seed, loss
        self.device, self.path = device, checkpoint
        if isinstance(train, torch.utils.data.DataLoader):
            self.batches = len(train)
        else:
            self.batches = -(-len(train) // recipe.batch_size)
        if self.batches == 0:
            raise ValueError("the training set is empty")
        steps = self.batches * recipe.epochs
        self.optimizer, self.schedule = recipe.build(model, steps)
        self.losses = torch.zeros(steps, device=device)
        self.history = History()
        self.epoch = self.batch = 0
        self.saved_at = time.monotonic()

    @property
    def step(self):
        return self.epoch * self.batches + self.batch

    def train_epoch(self, stop, progress):
        """Train to the end of the current epoch, from the current batch."""
        done, rng = self.batch, _random_states(self.device)
        _seed_epoch(self.seed, self.epoch)
        batches = _batches(
            self.train, self.recipe.batch_size, self.device, shuffle=True
        )
        for _ in range(done):  # resumed: skip the batches already done
            next(batches)
        if done:
            _set_random_states(rng, self.device)
        title = f"epoch {self.epoch + 1}/{self.recipe.epochs}"
        with progress_bar(title, self.batches, done, progress) as bar:
            for batch in batches:
                self.losses[self.step] = self.train_step(batch)
                self.batch += 1
                bar.update()
                last = self.batch == self.batches
                if last or self.batch % CHECK_EVERY == 0:
                    self.check()
                if stop.is_set():
                    self.interrupt()
                if time.monotonic() - self.saved_at > SAVE_EVERY_S:
                    self.save()

    def train_step(self, batch):
        """Make one update; return the loss, on the device."""
        loss = self.loss(self.model, *batch)
        self.optimizer.zero_grad()
        loss.backward()
        if self.recipe.max_norm:
            torch.nn.utils.clip_grad_norm_(
                self.model.parameters(), self.recipe.max_norm
            )
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()

    def recorded(self):
        return self.losses[: self.step].tolist()

    def check(self):
        """Raise if a loss so far, or a weight now, is not finite."""
        finite = torch.isfinite(self.losses[: self.step])
        if bool(finite.all()):
            self.check_weights()
            return
        first = int((~finite).int().argmax())
        raise TrainingDiverged(
            f"the loss became {self.losses[first].item()} at step {first + 1} "
            f"(epoch {first // self.batches + 1}), with a learning rate of "
            f"{self.recipe.learning_rate}: lower it, or look for NaN in the "
            "data"
        )

    def check_weights(self):
        # The last update can overflow after a loss that was still finite.
        finite = [torch.isfinite(p).all() for p in self.model.parameters()]
        if not bool(torch.stack(finite).all()):
            raise TrainingDiverged(
                f"a weight became NaN or infinite by step {self.step} (epoch "
                f"{self.epoch + 1}), with a learning rate of "
                f"{self.recipe.learning_rate}: lower it"
            )

    def interrupt(self):
        self.save()
        if self.batch:
            place = f"batch {self.batch} of {self.batches} of epoch "
            place += f"{self.epoch + 1}"
        else:
            place = f"epoch {self.epoch}"
        message = f"training stopped after {place} of {self.recipe.epochs}"
        if self.path is not None:
            message += f"; resuming goes on from {self.path}"
        raise TrainingInterrupted(message)

    def identity(self):
        """Return what must be the same for a run to be resumed."""
        return {
            "recipe": asdict(self.recipe),
            "seed": self.seed,
            "batches": self.batches,
        }

    def save(self):
        if self.path is None:
            return
        self.check()
        Checkpoint(
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            losses=self.losses[: self.step],
            rng=_random_states(self.device),
            progress={
                **self.identity(),
                "epoch": self.epoch,
                "batch": self.batch,
                "threads": torch.get_num_threads(),
                "schedule": self.schedule.state_dict(),
                "validation_loss": self.history.validation_loss,
                "validation_accuracy": self.history.validation_accuracy,
            },
        ).save(self.path)
        self.saved_at = time.monotonic()

    def load(self):
        if self.path is None:
            raise ValueError("resume=True needs a checkpoint to resume from")
        if not Path(self.path).is_file():
            raise FileNotFoundError(
                f"no interrupted run at {self.path}: start one without "
                "resuming"
            )
        saved = Checkpoint.load(self.path)
        for name, ours in self.identity().items():
            if saved.progress[name] != ours:
                raise ValueError(
                    f"{self.path} is of another run: its {name} is "
                    f"{saved.progress[name]}, this run's is {ours}"
                )
        try:
            self.model.load_state_dict(saved.model)
        except RuntimeError as error:
            raise ValueError(
                f"{self.path} is of another model: {error}"
            ) from error
        self.optimizer.load_state_dict(saved.optimizer)
        for parameter, state in self.optimizer.state.items():
            for key, value in state.items():
                if value.shape == parameter.shape:
                    # The fused step walks through memory, so its averages must
                    # have the same layout as the weights.
                    state[key] = torch.empty_like(parameter).copy_(value)
        self.schedule.load_state_dict(saved.progress["schedule"])
        torch.set_num_threads(saved.progress["threads"])
        _set_random_states(saved.rng, self.device)
        self.losses[: len(saved.losses)] = saved.losses.to(self.device)
        self.epoch, self.batch = (
            saved.progress["epoch"],
            saved.progress["batch"],
        )
        self.history.validation_loss = saved.progress["validation_loss"]
        self.history.validation_accuracy = saved.progress[
            "validation_accuracy"
        ]


def _cross_entropy(recipe):
    """Return the loss of a classifier with the recipe's label smoothing."""

    def loss(model, images, labels):
        return functional.cross_entropy(
            model(images), labels, label_smoothing=recipe.label_smoothing
        )

    return loss


def _seed_epoch(seed, epoch):
    """Seed torch so that each epoch has its own, reproducible order."""
    state = np.random.SeedSequence((seed, epoch)).generate_state(1)
    torch.manual_seed(int(state[0]))


def _random_states(device):
    """Return {type of device: state} of the generators that a run draws from.

    The CPU's generator sets the order of the images, the device's sets
    dropout.
    """
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        module = torch.get_device_module(device)
        states[device.type] = module.get_rng_state()
    return states


def _set_random_states(states, device):
    torch.set_rng_state(states["cpu"])
    if device.type != "cpu" and device.type in states:
        torch.get_device_module(device).set_rng_state(states[device.type])


def _batches(dataset, batch_size, device, shuffle=False):
    """Yield batches on the device, each a tuple of tensors."""
    if isinstance(dataset, torch.utils.data.DataLoader):
        for batch in dataset:
            yield tuple(t.to(device, non_blocking=True) for t in batch)
        return
    tensors = tuple(tensor.to(device) for tensor in dataset.tensors)
    if not shuffle:
        yield from zip(*(t.split(batch_size) for t in tensors), strict=True)
        return
    order = torch.randperm(len(dataset)).to(device)
    for part in order.split(batch_size):
        yield tuple(tensor[part] for tensor in tensors)


@contextlib.contextmanager
def _stop_on_interrupt():
    """Turn the first Ctrl-C into an event, so that a step is never cut in two.

    A second Ctrl-C interrupts at once. Only the main thread gets signals;
    elsewhere the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number, frame):
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _keep_freed_memory():
    """Ask glibc to keep freed memory for the next step.

    Otherwise every step returns the memory of its activations to the system
    and gets it again page by page, which costs about a fifth of the time.
    Other platforms' allocators are left alone.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD, bytes: its maximum
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD, bytes
