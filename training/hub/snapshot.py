"""The repository on the Hub at the start of a run."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.hub.errors import HubUnavailableError, NotFoundOrPrivateError, UnreachableError
from training.hub.repository import HubRepository, RepoCommit
from training.settings import HubSettings

NOT_LOGGED_IN = "HF_TOKEN is not set, and this machine has no `hf auth login`"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HubSnapshot:
    """The newest commit of the repository, and why this run cannot publish, if it cannot.

    ``commit`` is None if the repository does not exist yet or could not be read.
    """

    repository: HubRepository | None
    commit: RepoCommit | None
    publish_blocker: str | None

    @property
    def name(self) -> str:
        """Return the repository's id, or an empty text."""
        return "" if self.repository is None else self.repository.repo_id

    @property
    def unreachable(self) -> str | None:
        """Return the repository's id if it could not be read, else None."""
        return (
            self.name if self.commit is None and self.repository and self.publish_blocker else None
        )

    def has(self, *names: str) -> bool:
        """Return whether the commit has all these files."""
        return self.commit is not None and set(names) <= set(self.commit.files)

    def download(self, names: Sequence[str], folder: Path) -> None:
        """Download files of the commit into a folder. Raises HubError."""
        if self.repository is not None and self.commit is not None:
            self.repository.download(self.commit.sha, folder, names)


def read_snapshot(settings: HubSettings) -> HubSnapshot:
    """Read the state of the repository HF_REPO_ID.

    If the Hub is unavailable, or the repository is private and there is no token, the run can train
    but not publish. Raises HubError for an invalid token or repository name.
    """
    if settings.hf_repo_id is None:
        return HubSnapshot(None, None, "HF_REPO_ID is not set")
    repository = HubRepository(settings.hf_repo_id, settings.token)
    if settings.token is not None:
        repository.check_name()
    try:
        commit = repository.get_commit()
    except (UnreachableError, HubUnavailableError, NotFoundOrPrivateError) as error:
        if isinstance(error, NotFoundOrPrivateError) and settings.token is not None:
            raise
        logger.warning("Training continues without the Hub: %s", error)
        return HubSnapshot(repository, None, str(error))
    return HubSnapshot(repository, commit, None if settings.token else NOT_LOGGED_IN)
