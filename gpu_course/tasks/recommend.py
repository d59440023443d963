"""The tasks ``recommend`` and ``recommend-embeddings`` (chapter 54).

Which area of a web site does a visitor visit besides those that are known?
Rates, widths, epochs and the penalties of EASE were chosen on `validation`, a
part of the training visitors, and never on the test visitors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from gpu_course.data.web_visits import load_visits
from gpu_course.tasks.closed_form import ease, item_cosine, popularity
from gpu_course.tasks.ranking import hide_one, ranking_measures
from gpu_course.tasks.task import Task
from gpu_course.training.recipe import Recipe

HIDING_SEED = 54  # which visit is hidden doesn't depend on a run's seed
VALIDATION_SHARE = 0.2
# Of TRIED, the best hit rate at 10 and the best MRR on `validation`.
PENALTIES = (200, 10)
TRIED = (1, 3, 10, 30, 100, 200, 300, 1000)


@dataclass(frozen=True)
class Visitors:
    """Visitors to learn from, and others with one visit hidden.

    Attributes
    ----------
    train : TensorDataset
        Of those to learn from: the visits of all who have at least two,
        float32 (visitors, items), 0 or 1, on the device.
    everyone : bool array (visitors, items)
        Of those to learn from: all, also those with one visit.
    history : bool array (asked visitors, items)
        The known visits of the others.
    hidden : int array (asked visitors,)
        The item that is to be found.
    """

    train: TensorDataset
    everyone: np.ndarray
    history: np.ndarray
    hidden: np.ndarray


def visitors(
    learned_from: np.ndarray, asked: np.ndarray, device: torch.device
) -> Visitors:
    """Return the data of a task from two bool arrays (visitors, items)."""
    several = learned_from[learned_from.sum(axis=1) >= 2]
    train = torch.from_numpy(several.astype(np.float32))
    history, hidden = hide_one(asked, HIDING_SEED)
    dataset = TensorDataset(train.to(device))
    return Visitors(dataset, learned_from, history, hidden)


def load(device: torch.device) -> Visitors:
    """Return the training visitors, and the test visitors to judge by."""
    train, test = load_visits("train").visited, load_visits("test").visited
    return visitors(train, test, device)


def validation(device: torch.device) -> Visitors:
    """Return the training visitors alone: a fifth of them to judge by."""
    visited = load_visits("train").visited
    order = np.random.default_rng(HIDING_SEED).permutation(len(visited))
    asked, learned_from = np.split(
        order, [round(VALIDATION_SHARE * len(order))]
    )
    return visitors(visited[learned_from], visited[asked], device)


class Embeddings(nn.Module):
    """A visitor is the sum of the rows of the visited items.

    Two tables, one row for each item. The score of an item is its row of the
    second table, times the visitor, plus a number of the item's own.
    """

    def __init__(self, items: int, width: int = 32):
        super().__init__()
        self.visited = nn.Parameter(0.1 * torch.randn(items, width))
        self.asked = nn.Parameter(0.1 * torch.randn(items, width))
        self.popular = nn.Parameter(torch.zeros(items))

    def forward(self, history: torch.Tensor) -> torch.Tensor:
        """Return scores (visitors, items) for histories of 0 and 1."""
        visitor = history @ self.visited  # the sum of the visited rows
        return visitor @ self.asked.T + self.popular


class Autoencoder(nn.Module):
    """Visits in, a hidden layer with ReLU and dropout, scores out."""

    def __init__(self, items: int, width: int = 300, dropout: float = 0.5):
        super().__init__()
        self.encode = nn.Linear(items, width)
        self.dropout = nn.Dropout(dropout)
        self.decode = nn.Linear(width, items)

    def forward(self, history: torch.Tensor) -> torch.Tensor:
        """Return scores (visitors, items) for histories of 0 and 1."""
        hidden = torch.relu(self.encode(history))
        return self.decode(self.dropout(hidden))


def hidden_visit_loss(model: nn.Module, visits: torch.Tensor) -> torch.Tensor:
    """Hide one visit of each visitor; return the cross-entropy of finding it.

    The softmax runs over the items that the rest of the visits leave, as in
    the ranking. Another visit is hidden each time.

    Parameters
    ----------
    model : torch.nn.Module
    visits : float tensor (visitors, items)
        0 or 1, at least two for each visitor.
    """
    hidden = (visits * torch.rand_like(visits)).argmax(dim=1)
    history = visits.scatter(1, hidden[:, None], 0)
    scores = model(history).masked_fill(history > 0, -torch.inf)
    return functional.cross_entropy(scores, hidden)


def scores_of(model: nn.Module, history: np.ndarray) -> np.ndarray:
    """Return a network's scores (visitors, items) for bool histories."""
    device = next(model.parameters()).device
    known = torch.from_numpy(history.astype(np.float32)).to(device)
    with torch.no_grad():
        return model(known).cpu().numpy()


def judge(model: nn.Module, data: Visitors) -> dict[str, float]:
    """Return hit rate at 10 and MRR of the hidden visits."""
    scores = scores_of(model, data.history)
    return ranking_measures(scores, data.history, data.hidden)


def baselines(data: Visitors) -> dict[str, float]:
    """Return the measures of popularity, item cosine and EASE."""
    known = data.history.astype(np.float64)
    popular = popularity(data.everyone)
    scores = {
        "popularity": np.broadcast_to(popular, known.shape),
        "item cosine": known @ item_cosine(data.everyone),
    }
    for penalty in PENALTIES:
        weights = ease(data.everyone, penalty)
        scores[f"EASE, λ = {penalty}"] = known @ weights
    return {
        f"{name}: {measure}": value
        for name, given in scores.items()
        for measure, value in ranking_measures(
            given, data.history, data.hidden
        ).items()
    }


def _items(data):
    return data.history.shape[1]


def _task(name, recipe, network):
    return Task(
        name=name,
        recipe=recipe,
        load=load,
        build=lambda data: network(_items(data)),
        loss=hidden_visit_loss,
        judge=judge,
        baseline=baselines,
        measure="hit rate at 10",
    )


TASKS = {
    "recommend": _task(
        "recommend",
        Recipe("adam", 0.006, 256, 40, schedule="one-cycle"),
        Autoencoder,
    ),
    "recommend-embeddings": _task(
        "recommend-embeddings",
        Recipe("adam", 0.02, 256, 10, schedule="one-cycle"),
        Embeddings,
    ),
}
