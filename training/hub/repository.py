"""A model repository on the Hugging Face Hub."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2  # the client of huggingface_hub, which passes on its errors
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import disable_progress_bars

from training.hub.errors import (
    ForbiddenError,
    HubError,
    HubRequestError,
    HubUnavailableError,
    InvalidTokenError,
    NotFoundOrPrivateError,
    UnreachableError,
)

TIMEOUT_S = 30
"""Timeout of requests for a repository's metadata."""

HEADER_VALUE = re.compile("[!-~]*")
XET_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})")
"""How a ConnectionError of hf_xet, which uploads large files, contains an HTTP status."""


@dataclass(frozen=True)
class RepoCommit:
    """A commit's SHA and the names of all its files."""

    sha: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class HubRepository:
    """A model repository ``owner/name``.

    Without a ``token`` requests are anonymous, even if this machine is logged in. ``endpoint`` is
    the Hub's URL, by default HF_ENDPOINT.
    """

    repo_id: str
    token: str | None = field(default=None, repr=False)
    endpoint: str | None = None

    def check_name(self) -> None:
        """Raise HubRequestError if the name has no owner."""
        if "/" not in self.repo_id:
            raise HubRequestError(self.repo_id, "its name has no owner")

    def get_commit(self, revision: str = "main") -> RepoCommit | None:
        """Return the commit of a branch, tag or SHA, None if it or the repository is missing.

        Raises HubError; without a token this is NotFoundOrPrivateError for a missing repository.
        """
        with self.client() as api:
            try:
                info = api.model_info(self.repo_id, revision=revision, timeout=TIMEOUT_S)
            except RevisionNotFoundError:
                return None
            except RepositoryNotFoundError as error:
                if self.token is None or error.response.status_code != 404:
                    raise
                return None
        return RepoCommit(str(info.sha), tuple(file.rfilename for file in info.siblings or ()))

    def tree(self, revision: str) -> dict[str, str] | None:
        """Return the content ids of a revision's files by name, None if the revision is missing.

        An id is the SHA-256 of a file that is stored by LFS, else git's SHA-1. Raises HubError.
        """
        with self.client() as api:
            try:
                found = list(api.list_repo_tree(self.repo_id, revision=revision, recursive=True))
            except RevisionNotFoundError:
                return None
        files = [entry for entry in found if isinstance(entry, RepoFile)]
        return {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files}

    def download(
        self, revision: str, folder: Path, patterns: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Download all files of a revision, or those that match, and return their names.

        The folder changes only once all have arrived; its other files stay. Raises HubError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # An empty folder: if the Hub is unreachable, the client returns what the folder has
        with TemporaryDirectory(dir=folder, prefix=".hub-") as scratch:
            with self.client() as api:
                api.snapshot_download(
                    self.repo_id,
                    revision=revision,
                    local_dir=scratch,
                    allow_patterns=None if patterns is None else list(patterns),
                )
            return _move(Path(scratch), folder)

    @property
    def url(self) -> str:
        """Return the URL of the repository's page."""
        return f"{HfApi(endpoint=self.endpoint).endpoint}/{self.repo_id}"

    @contextmanager
    def client(self) -> Iterator[HfApi]:
        """Yield the Hub's client; its errors become HubError, its progress bars need a terminal."""
        token = (self.token or "").strip()
        if not HEADER_VALUE.fullmatch(token):  # the HTTP library's error would show it
            raise InvalidTokenError(self.repo_id)
        api = HfApi(endpoint=self.endpoint, token=token or False)
        with _progress_bars_on_terminals():
            try:
                yield api
            except (
                OSError,
                RuntimeError,
                ValueError,
                httpx2.HTTPError,
                httpx2.InvalidURL,
            ) as error:
                hub_error = self._as_hub_error(error, api.endpoint)
                if hub_error is None:  # a local error, such as a full disk
                    raise
                raise hub_error from error

    def _as_hub_error(self, error: BaseException, endpoint: str) -> HubError | None:
        """Convert an error of the client or its cause; return None for a local one."""
        if isinstance(error, HfHubHTTPError):
            reason = (error.server_message or _brief(error)).partition("\n")[0]
            is_hidden = isinstance(error, RepositoryNotFoundError)
            return self._error_of_status(error.response.status_code, reason, is_hidden)
        if status := XET_STATUS.search(str(error)):
            return self._error_of_status(int(status[1]), _brief(error), is_hidden=False)
        if isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError):
            return UnreachableError(self.repo_id, endpoint, _brief(error))
        if error.__cause__ is not None:  # of uploads and downloads
            return self._as_hub_error(error.__cause__, endpoint)
        if isinstance(error, OSError) and error.errno is not None:
            return None
        return HubRequestError(self.repo_id, _brief(error))

    def _error_of_status(self, status: int, reason: str, is_hidden: bool) -> HubError:
        if status == 401 and self.token is not None:  # a missing repository would be a 404
            return InvalidTokenError(self.repo_id)
        if status == 401 or is_hidden:
            return NotFoundOrPrivateError(self.repo_id, self.token is not None)
        if status == 403:
            return ForbiddenError(self.repo_id, reason)
        if status == 429 or status >= 500:
            return HubUnavailableError(self.repo_id, status)
        return HubRequestError(self.repo_id, f"HTTP {status}: {reason}")


def _move(source: Path, folder: Path) -> tuple[str, ...]:
    names = sorted(
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and path.relative_to(source).parts[0] != ".cache"  # the client's metadata
    )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(folder / name)
    return tuple(names)


def _progress_bars_on_terminals() -> disable_progress_bars | nullcontext[None]:
    """Disable the progress bars, some of which would go to log files as well."""
    if sys.stderr.isatty() or constants.HF_HUB_DISABLE_PROGRESS_BARS is not None:
        return nullcontext()
    return disable_progress_bars()


def _brief(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
