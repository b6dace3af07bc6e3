"""The hyperparameters depend on the base model and the settings."""

import pytest

pytest.importorskip("transformers", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only if the training group is installed
from training.finetuning.hyperparameters import (
    NEW_HEAD_HYPERPARAMETERS,
    Hyperparameters,
    select_hyperparameters,
)
from training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("has_new_head", "defaults"), [(False, Hyperparameters()), (True, NEW_HEAD_HYPERPARAMETERS)]
)
def test_settings_override_the_defaults_for_the_base_model(has_new_head, defaults):
    given = {"epochs": 1, "learning_rate": 1e-4, "batch_size": 8, "freeze_ratio": 0}

    assert defaults == select_hyperparameters(TrainingSettings(), has_new_head)
    assert Hyperparameters(**given) == select_hyperparameters(
        TrainingSettings(**given), has_new_head
    )
