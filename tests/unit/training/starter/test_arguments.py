"""The command line changes the starter's hyperparameters."""

from pathlib import Path

from training.starter.__main__ import Arguments, read_arguments
from training.starter.hyperparameters import StarterHyperparameters


def test_the_defaults_are_those_of_the_committed_model():
    assert Arguments(Path("models/starter"), 0, StarterHyperparameters()) == read_arguments([])


def test_arguments_change_hyperparameters():
    found = read_arguments(["--train-size", "200", "--pretraining-epochs", "1.5"])

    assert (200, 1.5) == (
        found.hyperparameters.train_size,
        found.hyperparameters.pretraining.epochs,
    )
    assert StarterHyperparameters.finetuning == found.hyperparameters.finetuning
