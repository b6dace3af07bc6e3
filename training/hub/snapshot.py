"""The repository on the Hub as a run saw it when it began."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.hub.errors import HubUnavailableError, NotFoundOrPrivateError, UnreachableError
from training.hub.repository import Head, HubRepository
from training.settings import HubSettings

NOT_LOGGED_IN = "HF_TOKEN is not set, and nobody is logged in (`hf auth login`)"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HubSnapshot:
    """Hold the newest commit, and in words why this run will not publish, if it will not.

    ``head`` is None where there is no repository yet, or where none could be read.
    """

    repository: HubRepository | None
    head: Head | None
    publish_blocker: str | None

    @property
    def name(self) -> str:
        """Return what people call the repository."""
        return "" if self.repository is None else self.repository.repo_id

    @property
    def unread(self) -> str | None:
        """Return the repository's name where it could not be seen what is in it, else None."""
        return self.name if self.head is None and self.repository and self.publish_blocker else None

    def has(self, *names: str) -> bool:
        """Tell whether the newest commit has all these files."""
        return self.head is not None and set(names) <= set(self.head.files)

    def download(self, names: Sequence[str], folder: Path) -> None:
        """Put files of that commit into a folder. Raises HubError."""
        if self.repository is not None and self.head is not None:
            self.repository.download(self.head.sha, folder, names)


def read_snapshot(settings: HubSettings) -> HubSnapshot:
    """Look at the repository that HF_REPO_ID names.

    A Hub that is away, or that hides the repository from who has no token, keeps the run from
    publishing, not from training. Raises HubError for a token that the Hub refuses, and for a
    name that cannot be published under.
    """
    if settings.hf_repo_id is None:
        return HubSnapshot(None, None, "HF_REPO_ID is not set")
    repository = HubRepository(settings.hf_repo_id, settings.token)
    if settings.token is not None:
        repository.check_name()
    try:
        head = repository.head()
    except (UnreachableError, HubUnavailableError, NotFoundOrPrivateError) as error:
        if isinstance(error, NotFoundOrPrivateError) and settings.token is not None:
            raise
        logger.warning("Training goes on without the Hub: %s", error)
        return HubSnapshot(repository, None, str(error))
    if settings.token is None:
        return HubSnapshot(repository, head, NOT_LOGGED_IN)
    return HubSnapshot(repository, head, None)
