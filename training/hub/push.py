"""Publish a champion on the Hugging Face Hub as one commit with a tag."""

import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import HfHubHTTPError

from training.errors import TrainingError
from training.hub.commit_plan import model_changes_between, plan_commit
from training.hub.errors import HubError, NotFoundOrPrivateError
from training.hub.manifest import BEST_METRICS
from training.hub.repository import HubRepository, RepoCommit

CONFLICT_STATUSES = (409, 412)  # the head is being or was changed by another commit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedCommit:
    """The SHA, tag and URL of a published champion."""

    commit: str
    tag: str
    url: str


class PublishError(TrainingError):
    """A champion was not published."""


class UnfinishedError(PublishError):
    """The Hub failed; the champion is published completely or not at all."""

    def __init__(self, error: HubError) -> None:
        super().__init__(
            f"{error} Then run `python -m training.publish`, which resumes the publication."
        )


class ConflictError(PublishError):
    """The Hub has another champion than the one that the candidate was compared with."""

    def __init__(self, repo_id: str, compared_with: str | None, found: str) -> None:
        super().__init__(
            f"{repo_id!r} has changed since the candidate was compared with "
            f"{compared_with or 'an empty repository'}: {found}. Nothing was published. "
            "Run the training again to compare with the new champion."
        )


class TagTakenError(PublishError):
    """The tag exists on another commit."""

    def __init__(self, repo_id: str, tag: str, sha: str) -> None:
        super().__init__(
            f"the tag {tag!r} of {repo_id!r} exists on commit {sha}. "
            "Publish under another tag, or delete that one on the Hub."
        )


class NoChampionError(PublishError):
    """The folder has no champion."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} has no champion: {BEST_METRICS} is missing. Run the training again."
        )


def push_to_hf(
    folder: Path, repository: HubRepository, *, parent_commit: str | None, tag: str, message: str
) -> PublishedCommit:
    """Publish all files of a folder in one commit with a tag; create the repository if missing.

    ``parent_commit`` is the commit that the candidate was compared with, None if the repository was
    missing or had no champion. Later commits that left the model alone, such as an edited card, are
    kept. Files of the last publication that the folder lacks are deleted. An interrupted attempt is
    resumed: a commit with the folder's best_metrics.json only gets its tag.

    Raises ConflictError if the model was changed since, TagTakenError, NoChampionError, and
    UnfinishedError, whose cause is the HubError.
    """
    if not (folder / BEST_METRICS).is_file():
        raise NoChampionError(folder)
    try:
        head = repository.get_commit() or _create(repository, parent_commit)
        sha = _find_published(repository, head, tag, folder)
        if sha is None:
            _check_parent(repository, head, parent_commit)
        _check_tag(repository, tag, sha)
        sha = sha or _commit(folder, repository, head, tag, message)
        _put_tag(repository, tag, sha)
    except HubError as error:
        raise UnfinishedError(error) from error
    return PublishedCommit(sha, tag, f"{repository.url}/tree/{tag}")


def _create(repository: HubRepository, parent_commit: str | None) -> RepoCommit:
    if parent_commit is not None:
        raise ConflictError(repository.repo_id, parent_commit, "the repository was deleted")
    repository.check_name()
    with repository.client() as api:
        api.create_repo(repository.repo_id, exist_ok=True)
    head = repository.get_commit()
    if head is None:
        raise NotFoundOrPrivateError(repository.repo_id, has_token=True)
    return head


def _check_parent(repository: HubRepository, head: RepoCommit, parent_commit: str | None) -> None:
    """Raise ConflictError unless the model is the one that the candidate was compared with."""
    if parent_commit is None:
        if BEST_METRICS in head.files:
            raise ConflictError(repository.repo_id, parent_commit, f"its head is now {head.sha}")
        return
    if head.sha == parent_commit:
        return
    changed = model_changes_between(repository, parent_commit, head.sha)
    if changed is None or changed:
        names = ", ".join(sorted(changed or ())) or "its history"
        raise ConflictError(
            repository.repo_id, parent_commit, f"its head {head.sha} has changed {names}"
        )
    logger.info("%s has new commits that left its model alone", repository.repo_id)


def _find_published(
    repository: HubRepository, head: RepoCommit, tag: str, folder: Path
) -> str | None:
    """Return the commit that has the champion of the folder: the tag's, else the head, or None."""
    if not _has_champion(repository, head, folder):
        return None
    tagged = repository.get_commit(tag)
    is_older = tagged is not None and _has_champion(repository, tagged, folder)
    return tagged.sha if tagged is not None and is_older else head.sha


def _has_champion(repository: HubRepository, head: RepoCommit, folder: Path) -> bool:
    """Return whether a commit has the folder's champion."""
    if BEST_METRICS not in head.files:
        return False
    with TemporaryDirectory() as scratch:
        repository.download(head.sha, Path(scratch), [BEST_METRICS])
        published = (Path(scratch) / BEST_METRICS).read_bytes()
    return published == (folder / BEST_METRICS).read_bytes()


def _commit(
    folder: Path, repository: HubRepository, head: RepoCommit, tag: str, message: str
) -> str:
    plan = plan_commit(folder, repository, head.sha, tag)
    added = [CommitOperationAdd(name, content) for name, content in plan.added.items()]
    deleted = [CommitOperationDelete(name, is_folder=False) for name in plan.deleted]
    with repository.client() as api:
        try:
            made = api.create_commit(
                repository.repo_id,
                [*added, *deleted],
                commit_message=message,
                parent_commit=head.sha,
            )
        except HfHubHTTPError as error:
            if error.response.status_code not in CONFLICT_STATUSES:
                raise
            raise ConflictError(
                repository.repo_id, head.sha, "its head changed during the upload"
            ) from error
    return str(made.oid)


def _check_tag(repository: HubRepository, tag: str, sha: str | None) -> bool:
    """Return whether a tag exists. Raises TagTakenError if it is on another commit."""
    tagged = repository.get_commit(tag)
    if tagged is not None and tagged.sha != sha:
        raise TagTakenError(repository.repo_id, tag, tagged.sha)
    return tagged is not None


def _put_tag(repository: HubRepository, tag: str, sha: str) -> None:
    if _check_tag(repository, tag, sha):
        return
    with repository.client() as api:
        api.create_tag(repository.repo_id, tag=tag, revision=sha)
