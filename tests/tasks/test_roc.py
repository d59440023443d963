"""ROC, area and equal error against counting pairs."""

import pytest
import torch

from gpu_course.tasks.roc import pair_scores, roc


def counted(scores, same):
    """The share of (same, different) couples in the right order."""
    high, low = scores[same], scores[~same]
    over = (high[:, None] > low).double() + (high[:, None] == low) / 2
    return over.mean().item()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ties", [False, True])
def test_the_area_is_the_chance_of_the_right_order(seed, ties):
    random = torch.Generator().manual_seed(seed)
    same = torch.rand(300, generator=random) < 0.3
    scores = torch.randn(300, generator=random) + same
    scores = (3 * scores).round() if ties else scores
    curve = roc(scores, same)
    assert curve.area == pytest.approx(counted(scores, same))
    for threshold, false, true in zip(
        curve.thresholds,
        curve.false_accepts[1:],
        curve.true_accepts[1:],
        strict=True,
    ):
        said = scores >= threshold
        assert false == pytest.approx(said[~same].double().mean().item())
        assert true == pytest.approx(said[same].double().mean().item())


def test_equal_error_by_hand():
    same = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]).bool()
    scores = torch.tensor([9.0, 8, 7, 2, 6, 3, 1, 0])
    # At 6: one of four different accepted, one of four same missed.
    assert roc(scores, same).equal_error == pytest.approx(0.25)
    assert roc(same.float(), same).equal_error == 0
    assert roc(-same.float(), same).equal_error == 1
    assert roc(torch.zeros(8), same).equal_error == pytest.approx(0.5)
    assert roc(torch.zeros(8), same).area == pytest.approx(0.5)


def test_pairs_of_one_kind():
    with pytest.raises(ValueError, match="same pairs and different pairs"):
        roc(torch.zeros(3), torch.ones(3).bool())


def test_all_pairs_once():
    vectors = torch.tensor([[2.0, 0], [0, 3], [1, 1]])
    scores, same = pair_scores(vectors, torch.tensor([4, 5, 4]))
    assert scores.tolist() == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert same.tolist() == [False, True, False]
