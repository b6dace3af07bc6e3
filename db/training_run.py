"""One training run in the database, for the dashboard of model quality."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from sqlalchemy import insert, select

from db.database.engine import make_engine
from db.database.migrations import migrate
from db.database.schema import TRAINING_RUNS
from db.settings import DatabaseSettings


@dataclass(frozen=True)
class TrainingRun:  # pylint: disable=too-many-instance-attributes  # one for each column
    """One row of the table `training_runs`.

    ``timestamp`` is UTC in whole milliseconds. Accuracies, ``macro_recall``, ``macro_f1`` and
    ``expected_calibration_error`` are in 0..1 on the evaluation rows, and the candidate's unless
    the name says otherwise. ``reason`` explains the decision.
    """

    id: UUID
    timestamp: datetime
    decision: Literal["promoted", "rejected"]
    reason: str
    model_tag: str | None
    base_model: str
    precision: str | None
    accuracy: float
    macro_recall: float
    macro_f1: float
    expected_calibration_error: float
    champion_accuracy: float | None
    base_accuracy: float
    p_value: float | None
    train_size: int
    eval_size: int
    seed: int
    loss: float
    duration_s: float
    git_commit: str | None

    def to_json(self) -> str:
        """Return the row as a JSON object, as it waits on the disk for the database."""
        row = asdict(self) | {"id": str(self.id), "timestamp": self.timestamp.isoformat()}
        return json.dumps(row)

    @classmethod
    def from_json(cls, body: str) -> Self:
        """Read a row written by `to_json`. Raises ValueError."""
        try:
            row = json.loads(body)
            made = {"id": UUID(row["id"]), "timestamp": datetime.fromisoformat(row["timestamp"])}
            return cls(**row | made)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a training run") from error


def insert_training_run(settings: DatabaseSettings, run: TrainingRun) -> None:
    """Insert a run unless its id is stored, creating the table if it is missing.

    Raises SettingsError or SQLAlchemyError.
    """
    engine = make_engine(settings)
    try:
        migrate(engine)
        with engine.begin() as connection:
            is_known = select(TRAINING_RUNS.c.id).where(TRAINING_RUNS.c.id == run.id)
            if connection.scalar(is_known) is None:
                connection.execute(insert(TRAINING_RUNS).values(**asdict(run)))
    finally:
        engine.dispose()
