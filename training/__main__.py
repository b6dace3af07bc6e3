"""Train: ``python -m training``."""

import logging
import os
import sys
from pathlib import Path

from inference.model_folder import ModelFolderError
from training.base_model import BaseModelError
from training.claim import ClaimedError, claimed
from training.dataset import DatasetError
from training.files import Files
from training.finetuning import RecipeError
from training.flow import Outcome, run
from training.hub.errors import HubError
from training.hub.push import PublishError
from training.labels import LabelsError
from training.papers import summary
from training.processes import WeightsDifferError, is_main_process
from training.progress import hide_bars_without_terminal
from training.publish import publish
from training.records import RecordError
from training.release import ReleaseError
from training.sampling import SizeError
from training.settings import SettingError, TrainingSettings
from training.trainer import DivergedError

ERRORS = (
    BaseModelError,
    ClaimedError,
    DatasetError,
    DivergedError,
    HubError,
    LabelsError,
    ModelFolderError,
    PublishError,
    RecipeError,
    RecordError,
    ReleaseError,
    SettingError,
    SizeError,
    WeightsDifferError,
)


def main() -> int:
    """Run the training flow; return the exit status, 0 also where nothing was improved."""
    logging.basicConfig(
        level=logging.INFO if is_main_process() else logging.WARNING, format="%(message)s"
    )
    hide_bars_without_terminal()
    try:
        settings, files = TrainingSettings.read(), Files()
        outcome = run(settings, files)
        if outcome is None:
            return 0
        tell(outcome, files)
        if outcome.report.decision.improved:
            tell_publication(outcome, settings, files)
    except ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def tell(outcome: Outcome, files: Files) -> None:
    """Say what was decided, to people and to the CI that runs this."""
    report = outcome.report
    print(f"The candidate is {report.decision.reason}.")
    if report.model_tag is not None:
        print(f"Registered {report.model_tag}; `make serve` serves it from now on.")
    print(f"All figures: {files.metrics}")
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        summary.append(summary.render(report), Path(path))


def tell_publication(outcome: Outcome, settings: TrainingSettings, files: Files) -> None:
    """Publish the new champion where that is possible, or say what is missing."""
    if outcome.hub.obstacle is None:
        with claimed(files):
            print(f"Published: {publish(settings, files).url}")
    else:
        print(f"Not published: {outcome.hub.obstacle}.")


if __name__ == "__main__":
    sys.exit(main())
