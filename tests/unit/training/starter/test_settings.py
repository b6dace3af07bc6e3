"""Settings come from the environment and the command line."""

from pathlib import Path

import pytest

from training.starter.recipe import Recipe
from training.starter.settings import SettingError, read_settings


def test_without_any_setting_the_committed_model_is_made():
    found = read_settings([], {})

    assert ("cardiffnlp/tweet_eval", 42) == (found.dataset, found.seed)
    assert (Path("models/starter"), 0, Recipe()) == (found.folder, found.held_out, found.recipe)


def test_data_set_and_seed_come_from_the_environment():
    found = read_settings([], {"DATASET": "someone/tweets", "SEED": "7"})

    assert ("someone/tweets", 7) == (found.dataset, found.seed)


def test_empty_variables_count_as_unset():
    assert read_settings([], {}) == read_settings([], {"DATASET": "", "SEED": ""})


def test_the_command_line_changes_the_recipe():
    found = read_settings(["--train-size", "200", "--pretraining-epochs", "1.5"], {})

    assert (200, 1.5) == (found.recipe.train_size, found.recipe.pretraining.epochs)
    assert Recipe.finetuning == found.recipe.finetuning


@pytest.mark.parametrize("value", ["-1", "1.5", "many"])
def test_a_seed_that_is_no_whole_number_is_told_with_its_value(value):
    with pytest.raises(SettingError, match=f"SEED='{value}' cannot be used: set it to a whole"):
        read_settings([], {"SEED": value})
