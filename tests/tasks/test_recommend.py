"""The recommenders: what they are given, learn from and compute."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from gpu_course.data.web_visits import load_visits
from gpu_course.tasks import recommend
from gpu_course.tasks.closed_form import ease
from gpu_course.tasks.listing import task_named
from gpu_course.tasks.ranking import ranking_measures
from gpu_course.tasks.records import recorded
from gpu_course.training.loop import fit

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def validation():
    return recommend.validation(CPU)


def test_the_test_visitors_are_those_of_the_test_split():
    data = recommend.load(CPU)
    assert data.history.shape == (3453, 285)
    assert np.array_equal(data.everyone, load_visits("train").visited)
    test = load_visits("test").visited
    whole = data.history.copy()
    whole[np.arange(len(whole)), data.hidden] = True
    assert np.array_equal(whole, test[test.sum(axis=1) >= 2])
    (train,) = data.train.tensors
    assert train.shape == (22_716, 285)
    assert train.sum(dim=1).min() == 2


def test_the_same_visits_are_hidden_each_time():
    assert np.array_equal(
        recommend.load(CPU).hidden, recommend.load(CPU).hidden
    )


def test_validation_is_a_part_of_the_training_visitors(validation):
    everyone = load_visits("train").visited
    asked = validation.history.copy()
    asked[np.arange(len(asked)), validation.hidden] = True
    several = validation.everyone.sum(axis=1) >= 2
    parts = np.concatenate([validation.everyone[several], asked])
    whole = everyone[everyone.sum(axis=1) >= 2]
    assert len(validation.everyone) == round(0.8 * len(everyone))
    assert sorted(map(bytes, parts)) == sorted(map(bytes, whole))


def test_the_penalties_are_the_best_of_those_tried(validation):
    known = validation.history.astype(float)
    found = {
        penalty: ranking_measures(
            known @ ease(validation.everyone, penalty),
            validation.history,
            validation.hidden,
        )
        for penalty in recommend.TRIED
    }
    best = [
        max(found, key=lambda p: found[p][measure])
        for measure in ("hit rate at 10", "MRR")
    ]
    assert tuple(best) == recommend.PENALTIES


def test_embeddings_look_rows_up_and_add_them():
    torch.manual_seed(0)
    model = recommend.Embeddings(9, width=4)
    torch.nn.init.normal_(model.popular)
    history = torch.zeros(2, 9)
    history[0, [1, 5]] = history[1, 7] = 1
    bags = functional.embedding_bag(
        torch.tensor([1, 5, 7]),
        model.visited,
        torch.tensor([0, 2]),
        mode="sum",
    )
    scores = model(history)
    for row, bag in zip(scores, bags, strict=True):
        for item in range(9):
            expected = bag @ model.asked[item] + model.popular[item]
            assert row[item].item() == pytest.approx(expected.item(), abs=1e-5)


class Recorder(torch.nn.Module):
    """Scores that are given, and what was asked."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores

    def forward(self, history):
        self.history = history
        return self.scores


def test_the_loss_is_the_cross_entropy_of_the_hidden_visit():
    torch.manual_seed(1)
    visits = (torch.rand(40, 6) < 0.4).float()
    visits[:, :2] = 1
    model = Recorder(torch.randn(40, 6))
    loss = recommend.hidden_visit_loss(model, visits)
    total = 0.0
    for row in range(40):
        (hidden,) = (visits - model.history)[row].nonzero()[0].tolist()
        left = model.history[row] == 0
        chances = model.scores[row][left].exp()
        total -= (model.scores[row, hidden].exp() / chances.sum()).log()
    assert (visits - model.history).sum(dim=1).tolist() == [1] * 40
    assert loss.item() == pytest.approx(total.item() / 40, rel=1e-5)


def test_each_visit_is_hidden_some_time():
    visits = torch.tensor([[1.0, 0, 1, 1]]).repeat(600, 1)
    model = Recorder(torch.zeros(600, 4))
    recommend.hidden_visit_loss(model, visits)
    hidden = (visits - model.history).sum(dim=0).tolist()
    assert hidden[1] == 0
    assert min(hidden[0], hidden[2], hidden[3]) > 150


@pytest.mark.parametrize("name", ["recommend", "recommend-embeddings"])
def test_the_baseline_is_that_of_today(name):
    today = recommend.baselines(recommend.load(CPU))
    for run in recorded(name).runs:
        assert run["baseline"] == pytest.approx(today, abs=1e-3)


def test_a_trained_network_beats_popularity(validation):
    task = task_named("recommend-embeddings")
    torch.manual_seed(0)
    model = task.build(validation)
    recipe = replace(task.recipe, epochs=1)
    fit(model, validation.train, recipe, loss=task.loss, device="cpu")
    model.eval()
    found = recommend.judge(model, validation)
    popular = recommend.baselines(validation)
    assert found["MRR"] > 0.06 + popular["popularity: MRR"]
