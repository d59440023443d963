"""Recipes are checked, chosen by name and readable."""

import math
from dataclasses import replace

import pytest

from gpu_course.training.recipe import (
    ARTICLE,
    FOUR_EPOCHS,
    ONE_EPOCH,
    recipe_for,
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "lion"}, "'sgd' or 'adam', got 'lion'"),
        ({"schedule": "cosine"}, "'constant' or 'one-cycle', got 'cosine'"),
        ({"learning_rate": 0}, "learning_rate must be positive, got 0"),
        ({"learning_rate": math.nan}, "learning_rate must .* got nan"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"epochs": -1}, "epochs must be positive, got -1"),
    ],
)
def test_wrong_recipes_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(ARTICLE, **change)


def test_recipe_for_takes_epochs_first_then_the_target():
    assert recipe_for() == recipe_for(target=98) == ONE_EPOCH
    assert recipe_for(target=98.1) == recipe_for(epochs=4) == FOUR_EPOCHS
    assert recipe_for(epochs=1, target=99) == ONE_EPOCH
    assert recipe_for(epochs=7) == replace(FOUR_EPOCHS, epochs=7)


def test_the_text_names_what_matters():
    assert str(ARTICLE) == (
        "sgd, constant rate 0.001, momentum 0.9, 2 epoch(s) in batches of 100"
    )
    assert str(ONE_EPOCH) == (
        "adam, one-cycle rate 0.02, label smoothing 0.05, "
        "1 epoch(s) in batches of 256"
    )
