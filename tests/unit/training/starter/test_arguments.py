"""The command line changes the starter's recipe."""

from pathlib import Path

from training.starter.arguments import Arguments, read_arguments
from training.starter.hyperparameters import StarterHyperparameters


def test_without_any_argument_the_committed_model_is_made():
    assert Arguments(Path("models/starter"), 0, StarterHyperparameters()) == read_arguments([])


def test_arguments_change_the_recipe():
    found = read_arguments(["--train-size", "200", "--pretraining-epochs", "1.5"])

    assert (200, 1.5) == (found.recipe.train_size, found.recipe.pretraining.epochs)
    assert StarterHyperparameters.finetuning == found.recipe.finetuning
