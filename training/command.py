"""What `python -m training` does once its settings are known to be right."""

import logging
import os
from pathlib import Path

from db.settings import DatabaseSettings
from training.files import Files
from training.finetuning.distributed import is_main_process
from training.lock import run_lock
from training.pipeline import PipelineResult, run, run_worker
from training.promotion.registry import serving_note
from training.promotion.run_log import keep_run, record_runs
from training.reporting import job_summary as summary
from training.settings import TrainingSettings
from training.terminal import hide_bars_without_terminal


def train(settings: TrainingSettings, database: DatabaseSettings, files: Files) -> None:
    """Run the training flow, alone or as one of several processes. Raises one of EXPECTED.

    The run waits on the disk meanwhile for the database, which may be away for long.
    """
    hide_bars_without_terminal()
    if not is_main_process():
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        run_worker(settings)
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with run_lock(files) as scratch:
        outcome = run(settings, files, scratch)
        keep_run(outcome.report, files, database)
        tell(outcome, files)
        try:
            publish(outcome)
        finally:
            record_runs(files, database)


def tell(outcome: PipelineResult, files: Files) -> None:
    """Say what was decided, to people and to the CI that runs this."""
    report = outcome.report
    print(f"The candidate is {report.decision.reason}.")
    if report.decision.false_promotion is not None:
        print(report.decision.false_promotion)
    if report.model_tag is not None:
        print(f"Registered {report.model_tag}; {serving_note(report.model_tag)}.")
    print(f"All figures: {files.metrics}", flush=True)
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        summary.append(summary.render(report), Path(path))


def publish(outcome: PipelineResult) -> None:
    """Publish the champion where it is better than the Hub's, or say what is missing."""
    release, repository = outcome.pending_release, outcome.hub.repository
    if release is not None and repository is not None:
        print(f"Publishing {release.model_tag}", flush=True)
        print(f"Published: {release.publish(repository).url}")
    elif outcome.report.decision.promoted:
        print(f"Not published: {outcome.hub.publish_blocker}.")
