"""The database's line for each training run, which waits in a file until the database has it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from db.prediction import new_id
from db.reports import name_of
from db.settings import DatabaseSettings, SettingsError
from db.training_run import TrainingRun, record
from training.atomic import write_bytes
from training.files import Files
from training.records import flat_figures
from training.report import RunReport

logger = logging.getLogger(__name__)


def log_run(report: RunReport, files: Files, settings: DatabaseSettings) -> None:
    """Bring a run into the database that the settings name, and those that wait for it.

    Where none is named there is nothing to do. What the database does not take now waits beside
    the artifacts, and is brought in by the next run. Raises OSError where it cannot be kept there.
    """
    if not settings.names_database:
        return
    run = row_of(report)
    write_bytes(files.unrecorded_runs / f"{run.id}.json", run.to_json().encode())
    waiting = dict(_waiting(files))
    try:
        record(settings, list(waiting.values()))
    except (SettingsError, SQLAlchemyError) as error:
        told = str(error) if isinstance(error, SettingsError) else name_of(error)
        logger.warning(
            "The run is not in the database (%s). The next run brings it in; "
            "`python -m db setup` makes what is missing there",
            told,
        )
        return
    for path in waiting:
        path.unlink()


def row_of(report: RunReport) -> TrainingRun:
    """Return the row of a run, under a new id."""
    figures, origin, choice = flat_figures(report.scores), report.origin, report.candidate.choice
    ended = datetime.fromisoformat(report.timestamp).astimezone(UTC).replace(tzinfo=None)
    return TrainingRun(
        id=new_id(),
        timestamp=ended,
        decision="promoted" if report.decision.improved else "rejected",
        reason=report.decision.reason,
        model_tag=report.model_tag,
        base_model=origin.base_model,
        precision=choice.precision if choice else None,
        accuracy=figures["accuracy"],
        macro_recall=figures["macro_recall"],
        macro_f1=figures["macro_f1"],
        expected_calibration_error=figures["expected_calibration_error"],
        champion_accuracy=report.champion.accuracy if report.champion else None,
        base_accuracy=report.base.accuracy,
        p_value=report.test.p_value if report.test else None,
        train_size=origin.train_size,
        eval_size=origin.eval_size,
        seed=origin.seed,
        loss=report.learning.loss,
        duration_s=report.duration_s,
        git_commit=origin.git_commit,
    )


def _waiting(files: Files) -> Iterator[tuple[Path, TrainingRun]]:
    """Yield the runs that wait; what is none is set aside, so that it keeps no other waiting."""
    for path in sorted(files.unrecorded_runs.glob("*.json")):
        try:
            yield path, TrainingRun.from_json(path.read_text(encoding="utf-8"))
        except (KeyError, TypeError, ValueError) as error:
            aside = path.rename(path.with_suffix(".unreadable"))
            logger.warning("%s is no training run, and is set aside (%r)", aside, error)
