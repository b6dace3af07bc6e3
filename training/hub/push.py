"""Publish a new champion on the Hugging Face Hub: one commit, and a tag on it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError

from training.errors import TrainingError
from training.hub.changes import foreign_changes, plan
from training.hub.errors import HubError, NotFoundOrPrivateError
from training.hub.manifest import BEST_METRICS
from training.hub.repository import Head, HubRepository

CONFLICTS = (409, 412)  # another commit is under way, or was made

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """Hold which commit holds a champion now, its tag, and where people find it."""

    commit: str
    tag: str
    url: str


class PublishError(TrainingError):
    """Tell that a champion was not published, and what to do."""


class UnfinishedError(PublishError):
    """Tell that the Hub failed meanwhile; the champion is there as a whole or not at all."""

    def __init__(self, error: HubError) -> None:
        super().__init__(
            f"{error} Then run `python -m training.publish`, which goes on where this stopped."
        )


class ConflictError(PublishError):
    """Tell that the Hub holds another champion than the one that was compared with."""

    def __init__(self, repo_id: str, compared_with: str | None, found: str) -> None:
        super().__init__(
            f"another run has published to {repo_id!r} since the candidate was compared with "
            f"{compared_with or 'an empty repository'}: {found}. Nothing was published. "
            "Run the training again, so that it is compared with the new champion."
        )


class TagTakenError(PublishError):
    """Tell that a tag stands for another commit."""

    def __init__(self, repo_id: str, tag: str, sha: str) -> None:
        super().__init__(
            f"the tag {tag!r} of {repo_id!r} stands for the commit {sha} already. "
            "Publish under another tag, or delete that one on the Hub."
        )


class NoChampionError(PublishError):
    """Tell that a folder does not hold a champion."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} has no {BEST_METRICS}, so it holds no champion. Run the training again."
        )


def push_to_hf(
    folder: Path, repository: HubRepository, *, parent_commit: str | None, tag: str, message: str
) -> Published:
    """Put all files of a folder on the Hub in one commit, which gets a tag.

    ``parent_commit`` is the head that the candidate was compared with, None where there was no
    repository or no champion in it; a missing repository is created. Commits since then that left
    the model alone, such as an edited card, are kept. What the last publication wrote, going by
    its manifest, is deleted where the folder does not have it. What an interrupted attempt has
    done is not done again: a head with the folder's own best_metrics.json only gets its tag.

    Raises ConflictError where somebody else has changed the model since, TagTakenError,
    NoChampionError, and UnfinishedError from the HubError that says what failed. The commit is
    there as a whole or not at all.
    """
    if not (folder / BEST_METRICS).is_file():
        raise NoChampionError(folder)
    try:
        head = repository.head() or _create(repository, parent_commit)
        sha = _published(repository, head, tag, folder)
        if sha is None:
            _check_parent(repository, head, parent_commit)
        _check_tag(repository, tag, sha)
        sha = sha or _commit(folder, repository, head, tag, message)
        _put_tag(repository, tag, sha)
    except HubError as error:
        raise UnfinishedError(error) from error
    return Published(sha, tag, f"{repository.url}/tree/{tag}")


def _create(repository: HubRepository, parent_commit: str | None) -> Head:
    if parent_commit is not None:
        raise ConflictError(repository.repo_id, parent_commit, "the repository is gone")
    repository.check_name()
    with repository.talk() as api:
        api.create_repo(repository.repo_id, exist_ok=True)
    head = repository.head()
    if head is None:
        raise NotFoundOrPrivateError(repository.repo_id, has_token=True)
    return head


def _check_parent(repository: HubRepository, head: Head, parent_commit: str | None) -> None:
    """Raise ConflictError where the model is not the one that the candidate was compared with."""
    if parent_commit is None:
        if BEST_METRICS in head.files:
            raise ConflictError(repository.repo_id, parent_commit, f"its head is {head.sha}")
        return
    if head.sha == parent_commit:
        return
    touched = foreign_changes(repository, parent_commit, head.sha)
    if touched is None or touched:
        names = ", ".join(sorted(touched or ())) or "its history"
        raise ConflictError(
            repository.repo_id, parent_commit, f"its head {head.sha} has changed {names}"
        )
    logger.info("%s was changed since, but not its model: publishing on top", repository.repo_id)


def _published(repository: HubRepository, head: Head, tag: str, folder: Path) -> str | None:
    """Return which commit holds the champion of the folder already: the tag's, or else the head."""
    if not _holds(repository, head, folder):
        return None
    tagged = repository.head(tag)
    is_older = tagged is not None and _holds(repository, tagged, folder)
    return tagged.sha if tagged is not None and is_older else head.sha


def _holds(repository: HubRepository, head: Head, folder: Path) -> bool:
    """Tell whether a commit holds the champion of the folder."""
    if BEST_METRICS not in head.files:
        return False
    with TemporaryDirectory() as scratch:
        repository.download(head.sha, Path(scratch), [BEST_METRICS])
        published = (Path(scratch) / BEST_METRICS).read_bytes()
    return published == (folder / BEST_METRICS).read_bytes()


def _commit(folder: Path, repository: HubRepository, head: Head, tag: str, message: str) -> str:
    changes = plan(folder, repository, head.sha, tag)
    added = [CommitOperationAdd(name, content) for name, content in changes.added.items()]
    deleted = [CommitOperationDelete(name, is_folder=False) for name in changes.deleted]
    with repository.talk() as api:
        try:
            made = api.create_commit(
                repository.repo_id,
                [*added, *deleted],
                commit_message=message,
                parent_commit=head.sha,
            )
        except HfHubHTTPError as error:
            if error.response.status_code not in CONFLICTS:
                raise
            raise ConflictError(
                repository.repo_id, head.sha, "its head changed during the upload"
            ) from error
    return str(made.oid)


def _check_tag(repository: HubRepository, tag: str, sha: str | None) -> bool:
    """Tell whether a tag exists. Raises TagTakenError where it stands for another commit."""
    tagged = repository.head(tag)
    if tagged is not None and tagged.sha != sha:
        raise TagTakenError(repository.repo_id, tag, tagged.sha)
    return tagged is not None


def _put_tag(repository: HubRepository, tag: str, sha: str) -> None:
    if _check_tag(repository, tag, sha):
        return
    with repository.talk() as api:
        api.create_tag(repository.repo_id, tag=tag, revision=sha)
