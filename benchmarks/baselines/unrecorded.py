"""The service without its prediction log, to measure what recording costs.

``bentoml serve benchmarks.baselines.unrecorded:SentimentService``. The service has no such option:
a 200 means that the prediction is recorded.
"""

from collections.abc import Sequence

import service
import startup
from db.prediction import Prediction
from db.settings import DatabaseSettings


class NoPredictionLogger:
    """Has the methods of `db.prediction_logger.PredictionLogger`, and does nothing."""

    def __init__(self, settings: DatabaseSettings, refused_login: Exception | None = None) -> None:
        """Ignore the settings, and whether the database refuses the login."""

    def open(self) -> None:
        """Do nothing."""

    def record(self, predictions: Sequence[Prediction]) -> None:
        """Discard the predictions."""

    def is_ready(self) -> bool:
        """Return True."""
        return True

    def retry_login(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


vars(startup)["PredictionLogger"] = NoPredictionLogger
SentimentService = service.SentimentService
