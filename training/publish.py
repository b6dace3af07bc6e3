"""Publish the champion, if its run could not: ``python -m training.publish``."""

import logging
import sys

from training.errors import EXPECTED
from training.files import Files
from training.hub.push import PublishedCommit
from training.hub.repository import HubRepository
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import recover_interrupted_promotion
from training.promotion.release import Release, ReleaseError
from training.settings import HubSettings


def publish(settings: HubSettings, files: Files) -> PublishedCommit:
    """Push the champion to the Hub, where it was trained here and is not there yet.

    What is there already is not done again. Raises PublishError, HubError, RecordError or
    ReleaseError.
    """
    recover_interrupted_promotion(files)
    best = ChampionRecord.read(files.best)
    if best is None or best.model_tag is None:
        raise ReleaseError(f"There is no champion in {files.best}: run `make train` first.")
    if settings.hf_repo_id is None or settings.token is None:
        raise ReleaseError(
            "HF_REPO_ID is not set, or there is no token: set HF_TOKEN, or run `hf auth login`."
        )
    release = Release.of(files, best.model_tag)
    if not release.folder.exists():
        raise ReleaseError(
            f"{best.model_tag} cannot be published: only a model that was trained here with "
            "HF_REPO_ID set can. Set it, and the next one that is better will be published; an "
            "older one by `python -m training.rollback TAG --publish`."
        )
    return release.publish(HubRepository(settings.hf_repo_id, settings.token))


def main() -> int:
    """Publish what the settings name; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        with run_lock(files := Files()):
            published = publish(HubSettings.read(), files)
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Published: {published.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
