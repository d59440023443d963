"""Trials: what is kept, and on whose axes it is drawn."""

import time

import matplotlib.pyplot as plt
import pytest
import torch

from gpu_course.timing.trials import Trials


def takes(seconds):
    return lambda: time.sleep(seconds)


def tried(device="cpu"):
    trials = Trials(torch.device(device), pairs=6)
    trials.run("half of it", takes(0.004), takes(0.001))
    trials.run("more", takes(0.001), takes(0.004))
    return trials


def test_only_what_is_faster_is_kept():
    trials = Trials(torch.device("cpu"), pairs=6)
    assert trials.run("faster", takes(0.004), takes(0.001))
    assert not trials.run("slower", takes(0.001), takes(0.004))
    assert trials.results["faster"].ratio > 2
    assert trials.keeps("faster")
    assert not trials.keeps("slower")


@pytest.mark.parametrize(("device", "empty"), [("cpu", 1), ("cuda", 0)])
def test_the_other_columns_axes_are_empty(device, empty):
    trials = tried()
    trials.device = torch.device(device)
    _, axes = plt.subplots(1, 2)
    trials.draw(axes)
    assert [t.get_text() for t in axes[empty].texts] == [
        f"empty: not run\non a {('CPU', 'GPU')[empty]} yet"
    ]
    assert not axes[1 - empty].texts
    assert len(axes[1 - empty].containers) == 2
    assert not axes[empty].containers
    for ax in axes:
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert names == ["half of it", "more"]
    plt.close()


def test_guesses_stand_beside_the_names():
    _, axes = plt.subplots(1, 2)
    tried().draw(axes, {"more"})
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["half of it · keep", "more · drop"]
    with pytest.raises(ValueError, match="no change called something else"):
        tried().draw(axes, {"more", "something else"})
    plt.close()
