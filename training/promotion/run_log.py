"""The database's line for each training run, which waits in a file until the database has it."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from db.prediction import new_id
from db.settings import DatabaseSettings, SettingsError
from db.training_run import TrainingRun, insert_training_run
from db.writing.errors import ErrorKind, classify, error_name
from training.atomic_write import write_bytes
from training.files import Files
from training.reporting.report import RunReport

logger = logging.getLogger(__name__)


def keep_run(report: RunReport, files: Files, settings: DatabaseSettings) -> None:
    """Have a run wait for the database that the settings name, if they name one."""
    if settings.has_explicit_database:
        run = row_of(report)
        write_bytes(files.unrecorded_runs / f"{run.id}.json", run.to_json().encode())


def record_runs(files: Files, settings: DatabaseSettings) -> None:
    """Bring the runs that wait into the database that the settings name, if they name one.

    What it does not take now waits on, and is brought in by the next run. What is no run, or what
    the database refuses for its content, is set aside, so that it keeps no other waiting.
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
            told = str(error) if isinstance(error, SettingsError) else error_name(error)
            logger.warning(
                "The run is not in the database (%s). The next run brings it in; "
                "`python -m db setup` makes what is missing there",
                told,
            )
            return
        else:
            path.unlink()


def row_of(report: RunReport) -> TrainingRun:
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
    logger.warning("%s is no run that the database takes (%s)", aside, error_name(error))
