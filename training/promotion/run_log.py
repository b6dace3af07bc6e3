"""A row of the database for each training run, kept in a file until the database has it."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from db.prediction import new_id
from db.settings import DatabaseSettings, SettingsError
from db.training_run import TrainingRun, insert_training_run
from db.writing.errors import ErrorKind, classify, error_name
from training.files import Files, write_bytes
from training.reporting.report import RunReport

logger = logging.getLogger(__name__)


def keep_run(report: RunReport, files: Files, settings: DatabaseSettings) -> None:
    """Write a run to a file, from where it is recorded, if the settings name a database."""
    if settings.has_explicit_database:
        run = to_row(report)
        write_bytes(files.unrecorded_runs / f"{run.id}.json", run.to_json().encode())


def record_runs(files: Files, settings: DatabaseSettings) -> None:
    """Insert the kept runs into the database that the settings name, if they name one.

    If the database is down, the next run inserts them. A file that is malformed, or that the
    database refuses, is renamed to ``.refused``, so that it does not block the others.
    """
    if not settings.has_explicit_database:
        return
    for path in sorted(files.unrecorded_runs.glob("*.json")):
        try:
            insert_training_run(settings, TrainingRun.from_json(path.read_text(encoding="utf-8")))
        except ValueError as error:
            _set_aside(path, error)
        except (SettingsError, SQLAlchemyError) as error:
            if classify(error) is ErrorKind.DATA:
                _set_aside(path, error)
                continue
            reason = str(error) if isinstance(error, SettingsError) else error_name(error)
            logger.warning(
                "The run is not in the database (%s). The next run inserts it; "
                "`python -m db setup` creates a missing table",
                reason,
            )
            return
        else:
            path.unlink()


def to_row(report: RunReport) -> TrainingRun:
    """Return the row of a run, under a new id."""
    models, origin, selected = report.models, report.provenance, report.candidate.selected_precision
    metrics = report.candidate.evaluation.flat_metrics()
    ended = datetime.fromisoformat(report.timestamp).astimezone(UTC).replace(tzinfo=None)
    return TrainingRun(
        id=new_id(),
        timestamp=ended,
        decision="promoted" if report.decision.promoted else "rejected",
        reason=report.decision.reason,
        model_tag=report.model_tag,
        base_model=origin.base_model,
        precision=selected.precision if selected else None,
        accuracy=metrics["accuracy"],
        macro_recall=metrics["macro_recall"],
        macro_f1=metrics["macro_f1"],
        expected_calibration_error=metrics["expected_calibration_error"],
        champion_accuracy=models.champion.accuracy if models.champion else None,
        base_accuracy=models.base.accuracy,
        p_value=models.mcnemar.p_value if models.mcnemar else None,
        train_size=origin.train_size,
        eval_size=origin.eval_size,
        seed=origin.seed,
        loss=report.training.loss,
        duration_s=report.duration_s,
        git_commit=origin.git_commit,
    )


def _set_aside(path: Path, error: Exception) -> None:
    aside = path.rename(path.with_suffix(".refused"))
    logger.warning("The database refuses the run in %s (%s)", aside, error_name(error))
