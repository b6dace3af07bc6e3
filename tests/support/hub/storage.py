"""Repositories of the stand-in, with immutable commits and tags."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

LFS_ENDINGS = (".bin", ".onnx", ".parquet", ".png", ".safetensors")
LFS_BYTES = 10 * 1024 * 1024
GIT_ATTRIBUTES = "".join(f"*{ending} filter=lfs\n" for ending in LFS_ENDINGS).encode()
COUNTER = itertools.count()  # two commits of the same files differ


def goes_to_lfs(path: str, size_bytes: int) -> bool:
    """Return whether the Hub stores a file by LFS, by its ``.gitattributes`` and size limit."""
    return path.endswith(LFS_ENDINGS) or size_bytes > LFS_BYTES


@dataclass(frozen=True)
class File:
    """A file of a commit; ``etag`` is its id on the Hub."""

    content: bytes
    is_lfs: bool

    @cached_property
    def sha256(self) -> str:
        """Return LFS's hash of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def etag(self) -> str:
        """Return LFS's hash of a large file, git's of a small one."""
        if self.is_lfs:
            return self.sha256
        header = f"blob {len(self.content)}\0".encode()
        return hashlib.sha1(header + self.content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Commit:
    """A commit with all files of the repository."""

    files: Mapping[str, File]
    message: str
    sha: str = field(
        default_factory=lambda: hashlib.sha1(
            str(next(COUNTER)).encode(), usedforsecurity=False
        ).hexdigest()
    )
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class State:
    """What a client can see of a repository, for comparison."""

    head: str
    files: Mapping[str, str]  # name to SHA-256
    tags: Mapping[str, str]  # name to commit


@dataclass
class Repository:
    """A repository: its commits, the oldest first, and its tags.

    ``kind`` is ``models`` or ``datasets``.
    """

    repo_id: str
    kind: str = "models"
    is_private: bool = False
    commits: list[Commit] = field(
        default_factory=lambda: [
            Commit({".gitattributes": File(GIT_ATTRIBUTES, False)}, "initial commit")
        ]
    )
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Return the user who may write to it."""
        return self.repo_id.partition("/")[0]

    @property
    def head(self) -> Commit:
        """Return the newest commit of main, the only branch."""
        return self.commits[-1]

    def find(self, revision: str) -> Commit | None:
        """Return the commit that a branch, a tag or a hash names."""
        sha = self.head.sha if revision == "main" else self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit.sha == sha), None)

    def commit(self, changes: Mapping[str, File | None], message: str) -> Commit:
        """Add a commit that changes these files of the head; None deletes."""
        files = {**self.head.files, **changes}
        kept = {name: file for name, file in sorted(files.items()) if file is not None}
        self.commits.append(Commit(kept, message))
        return self.head

    def state(self) -> State:
        """Return what a client can see of it."""
        hashes = {name: file.sha256 for name, file in self.head.files.items()}
        return State(self.head.sha, hashes, dict(self.tags))
