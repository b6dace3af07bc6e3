"""The manifest of files that a publication wrote to a repository on the Hub."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from training.hub.repository import HubRepository

MANIFEST = "published_files.json"
BEST_METRICS = "best_metrics.json"


@dataclass(frozen=True)
class Manifest:
    """The files of a publication by name, each with the two ids that the Hub may give its content.

    These are git's SHA-1 of a small file, and the SHA-256 of one that is stored by LFS.
    """

    files: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, contents: Mapping[str, bytes | Path]) -> Self:
        """Return the manifest of files by their names on the Hub."""
        return cls({name: _content_ids(content) for name, content in contents.items()})

    @classmethod
    def read(
        cls, repository: HubRepository, revision: str, present: Collection[str]
    ) -> Self | None:
        """Return the manifest of a commit with the files ``present``, or None if missing or broken.

        Raises HubError.
        """
        if MANIFEST not in present:
            return None
        with TemporaryDirectory() as scratch:
            repository.download(revision, Path(scratch), [MANIFEST])
            try:
                content = json.loads((Path(scratch) / MANIFEST).read_text(encoding="utf-8"))
                return cls(
                    {
                        str(name): (str(ids["git"]), str(ids["sha256"]))
                        for name, ids in content["files"].items()
                    }
                )
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                return None

    def to_json(self) -> bytes:
        """Return the content of the manifest's file."""
        files = {name: {"git": git, "sha256": sha} for name, (git, sha) in self.files.items()}
        return (json.dumps({"files": files}, indent=2, sort_keys=True) + "\n").encode()

    def is_unchanged(self, name: str, content_id: str | None) -> bool:
        """Return whether a file still has the content that this publication wrote."""
        return content_id in self.files.get(name, ())


def _content_ids(content: bytes | Path) -> tuple[str, str]:
    data = content.read_bytes() if isinstance(content, Path) else content
    git = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    git.update(data)
    return git.hexdigest(), hashlib.sha256(data).hexdigest()
