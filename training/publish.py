"""Publish the champion if its run could not: ``python -m training.publish``."""

import sys

from training.command import run_command
from training.files import Files
from training.hub.push import PublishedCommit
from training.hub.repository import HubRepository
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import recover_interrupted_promotion
from training.promotion.release import Release, ReleaseError
from training.settings import HubSettings


def publish(settings: HubSettings, files: Files) -> PublishedCommit:
    """Push the champion to the Hub if it was trained here; what is there already is skipped.

    Raises PublishError, HubError, RecordError or ReleaseError.
    """
    recover_interrupted_promotion(files)
    record = ChampionRecord.read(files.best)
    if record is None or record.model_tag is None:
        raise ReleaseError(f"There is no champion in {files.best}: run `make train` first.")
    if settings.hf_repo_id is None or settings.token is None:
        raise ReleaseError(
            "HF_REPO_ID is not set, or there is no token: set HF_TOKEN, or run `hf auth login`."
        )
    release = Release.of(files, record.model_tag)
    if not release.folder.exists():
        raise ReleaseError(
            f"{record.model_tag} cannot be published: it was not trained here with HF_REPO_ID set. "
            "Set HF_REPO_ID, and the next better model is published; publish an older one by "
            "`python -m training.rollback TAG --publish`."
        )
    return release.publish(HubRepository(settings.hf_repo_id, settings.token))


def main() -> int:
    """Publish to the repository that the settings name; return the exit status."""
    return run_command(_publish_and_report)


def _publish_and_report() -> None:
    with run_lock(files := Files()):
        published = publish(HubSettings.read(), files)
    print(f"Published: {published.url}")


if __name__ == "__main__":
    sys.exit(main())
