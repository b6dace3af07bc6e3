"""The service without recording differs from the service in nothing else."""

import inspect

from benchmarks.baselines.unrecorded import NoPredictionLogger
from db.prediction_logger import PredictionLogger


def test_the_stand_in_has_every_method_of_the_prediction_logger() -> None:
    expected = {
        name: inspect.signature(method)
        for name, method in vars(PredictionLogger).items()
        if (name == "__init__" or not name.startswith("_")) and callable(method)
    }

    assert expected == {
        name: inspect.signature(getattr(NoPredictionLogger, name)) for name in expected
    }
