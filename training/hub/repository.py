"""A repository of models on the Hugging Face Hub."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2  # what huggingface_hub speaks HTTP with; its errors come through
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
from training.terminal import has_terminal

TIMEOUT_S = 30
"""How long the Hub may take to tell what a repository holds."""
SENDABLE = re.compile("[!-~]*")
XET_STATUS = re.compile(r"HTTP status \w+ error \((\d{3})")
"""How hf_xet, which uploads big files, words an error status in a ConnectionError."""


@dataclass(frozen=True)
class Head:
    """Hold the hash of a commit and the names of all its files."""

    sha: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class HubRepository:
    """Reach a repository of models by its ``owner/name``.

    The token is all that is sent: without one, a login stored on the machine is not used.
    ``endpoint`` is the Hub's address, by default what HF_ENDPOINT names.
    """

    repo_id: str
    token: str | None = field(default=None, repr=False)
    endpoint: str | None = None

    def check_name(self) -> None:
        """Raise HubRequestError for a name that nobody can publish under."""
        if "/" not in self.repo_id:
            raise HubRequestError(self.repo_id, "a repository's name has an owner")

    def head(self, revision: str = "main") -> Head | None:
        """Return the newest commit of a branch or what a tag names, None where there is none.

        Raises HubError; without a token NotFoundOrPrivateError for a missing repository, since
        the Hub does not distinguish it from a private one.
        """
        with self.talk() as api:
            try:
                info = api.model_info(self.repo_id, revision=revision, timeout=TIMEOUT_S)
            except RevisionNotFoundError:
                return None
            except RepositoryNotFoundError as error:
                if self.token is None or error.response.status_code != 404:
                    raise
                return None
        return Head(str(info.sha), tuple(file.rfilename for file in info.siblings or ()))

    def tree(self, revision: str) -> dict[str, str] | None:
        """Return what the Hub calls the content of each file of a revision, by the files' names.

        That is the SHA-256 of what is stored by LFS, and git's hash of the rest. None where there
        is no such revision. Raises HubError.
        """
        with self.talk() as api:
            try:
                found = list(api.list_repo_tree(self.repo_id, revision=revision, recursive=True))
            except RevisionNotFoundError:
                return None
        files = [one for one in found if isinstance(one, RepoFile)]
        return {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in files}

    def download(
        self, revision: str, folder: Path, patterns: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Put the files of a revision into a folder, all or those that match; return their names.

        The folder may hold other files; none is touched before all have arrived. Raises HubError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # Into an empty folder: the client takes what lies in another for the Hub's, if that is away
        with TemporaryDirectory(dir=folder, prefix=".hub-") as scratch:
            with self.talk() as api:
                api.snapshot_download(
                    self.repo_id,
                    revision=revision,
                    local_dir=scratch,
                    allow_patterns=None if patterns is None else list(patterns),
                )
            return _move(Path(scratch), folder)

    @property
    def url(self) -> str:
        """Return the address of the repository's page."""
        return f"{HfApi(endpoint=self.endpoint).endpoint}/{self.repo_id}"

    @contextmanager
    def talk(self) -> Iterator[HfApi]:
        """Give the Hub's client, whose errors become HubError and whose bars need a terminal."""
        token = (self.token or "").strip()
        if not SENDABLE.fullmatch(token):  # the HTTP library's own complaint would show it
            raise InvalidTokenError(self.repo_id)
        api = HfApi(endpoint=self.endpoint, token=token or False)
        with _bars_on_terminals():
            try:
                yield api
            except (
                OSError,
                RuntimeError,
                ValueError,
                httpx2.HTTPError,
                httpx2.InvalidURL,
            ) as error:
                known = self._explain(error, api.endpoint)
                if known is None:  # the machine's own trouble, such as a full disk
                    raise
                raise known from error

    def _explain(self, error: BaseException, endpoint: str) -> HubError | None:
        """Return what an error, or the one that it stems from, means."""
        if isinstance(error, HfHubHTTPError):
            reason = (error.server_message or _brief(error)).partition("\n")[0]
            is_hidden = isinstance(error, RepositoryNotFoundError)
            return self._explain_status(error.response.status_code, reason, is_hidden)
        if status := XET_STATUS.search(str(error)):
            return self._explain_status(int(status[1]), _brief(error), is_hidden=False)
        if isinstance(error, httpx2.TransportError | ConnectionError | TimeoutError):
            return UnreachableError(self.repo_id, endpoint, _brief(error))
        if error.__cause__ is not None:  # an upload's RuntimeError, a download's missing entry
            return self._explain(error.__cause__, endpoint)
        if isinstance(error, OSError) and error.errno is not None:
            return None
        return HubRequestError(self.repo_id, _brief(error))

    def _explain_status(self, status: int, reason: str, is_hidden: bool) -> HubError:
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
        if path.is_file() and path.relative_to(source).parts[0] != ".cache"  # the client's notes
    )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(folder / name)
    return tuple(names)


def _bars_on_terminals() -> disable_progress_bars | nullcontext[None]:
    """Silence the client's bars, some of which it would draw into files as well."""
    if has_terminal() or constants.HF_HUB_DISABLE_PROGRESS_BARS is not None:
        return nullcontext()
    return disable_progress_bars()


def _brief(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
