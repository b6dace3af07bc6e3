"""Train a candidate, and publish it if it is promoted: ``python -m training``."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError
from training.command import hide_progress_bars, run_command
from training.files import Files
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.pipeline import PipelineResult


def main() -> int:
    """Train as the settings say; return the exit status, 0 also if nothing was promoted."""
    return run_command(train, SettingsError)


def train() -> None:
    """Check the settings, then run the pipeline, alone or as one of several processes."""
    settings, database = TrainingSettings.read(), DatabaseSettings.read()
    if database.has_explicit_database:
        make_engine(database).dispose()  # raises SettingsError now instead of after the training
    # pylint: disable=import-outside-toplevel  # takes 10 s, which a wrong setting need not wait
    from training.finetuning.distributed import is_main_process
    from training.lock import run_lock
    from training.pipeline import run, run_worker
    from training.promotion.run_log import keep_run, record_runs

    hide_progress_bars()
    if not is_main_process():
        logging.getLogger().setLevel(logging.WARNING)
        run_worker(settings)
        return
    files = Files()
    with run_lock(files) as scratch:
        result = run(settings, files, scratch)
        keep_run(result.report, files, database)
        print_decision(result, files)
        try:
            publish(result)
        finally:
            record_runs(files, database)


def print_decision(result: "PipelineResult", files: Files) -> None:
    """Print the decision, and append the summary to that of the CI job, if it runs in one."""
    # pylint: disable=import-outside-toplevel  # as above
    from training.promotion.registry import serving_note
    from training.reporting import job_summary

    report = result.report
    print(f"The candidate is {report.decision.reason}.")
    if report.decision.false_promotion is not None:
        print(report.decision.false_promotion)
    if report.model_tag is not None:
        print(f"Registered {report.model_tag}; {serving_note(report.model_tag)}.")
    print(f"All metrics: {files.metrics}", flush=True)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        job_summary.append(job_summary.render(report), Path(path))


def publish(result: "PipelineResult") -> None:
    """Publish the pending release, or say why a promoted candidate is not published."""
    release, repository = result.pending_release, result.hub.repository
    if release is not None and repository is not None:
        print(f"Publishing {release.model_tag}", flush=True)
        print(f"Published: {release.publish(repository).url}")
    elif result.report.decision.promoted:
        print(f"Not published: {result.hub.publish_blocker}.")


if __name__ == "__main__":
    sys.exit(main())
