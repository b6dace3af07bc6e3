"""A champion as it is published, kept on disk until the next promotion."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.files import Files, write_json
from training.hub.manifest import BEST_METRICS
from training.hub.push import PublishedCommit, push_to_hf
from training.hub.repository import HubRepository
from training.hub.snapshot import HubSnapshot


class ReleaseError(TrainingError):
    """A champion cannot be published, or not to this repository."""


@dataclass(frozen=True)
class Release:
    """The folder of a champion of the Bento store; ``files`` is what is published."""

    folder: Path
    model_tag: str

    @classmethod
    def of(cls, files: Files, model_tag: str) -> "Release":
        """Return the release of a model, which need not exist."""
        return cls(files.releases / _version(model_tag), model_tag)

    @property
    def files(self) -> Path:
        """Return the folder of the files to publish."""
        return self.folder / "files"

    @property
    def compared_file(self) -> Path:
        """Return the file with the Hub's commit that the champion was compared with."""
        return self.folder / "compared.json"

    @property
    def published_file(self) -> Path:
        """Return the file that says where on the Hub the champion is published."""
        return self.folder / "published.json"

    @contextmanager
    def draft(self, hub: HubSnapshot) -> Iterator[Path]:
        """Yield an empty folder for the files; create the release unless the block raises."""
        draft = Release(self.folder.with_name(f".{self.folder.name}"), self.model_tag)
        shutil.rmtree(draft.folder, ignore_errors=True)
        draft.files.mkdir(parents=True)
        yield draft.files
        draft.remember(hub)
        draft.folder.rename(self.folder)

    def remember(self, hub: HubSnapshot) -> None:
        """Record the repository and commit that the champion was compared with."""
        champion = hub.commit if hub.has(BEST_METRICS) else None
        compared = {"repo_id": hub.name, "parent_commit": champion and champion.sha}
        write_json(self.compared_file, compared)

    def waits_for(self, hub: HubSnapshot) -> bool:
        """Return whether the champion can be published there and is not yet."""
        return (
            hub.publish_blocker is None
            and self.folder.exists()
            and not self.published_file.exists()
            and self._compared["repo_id"] == hub.name
        )

    def publish(self, repository: HubRepository) -> PublishedCommit:
        """Push the files to the Hub as one commit with a tag.

        Raises PublishError, and ReleaseError if the champion was compared with another repository.
        """
        compared = self._compared
        if compared["repo_id"] != repository.repo_id:
            raise ReleaseError(
                f"{self.model_tag} was compared with {compared['repo_id']!r} on the Hub, not with "
                f"{repository.repo_id!r}: set HF_REPO_ID to the first."
            )
        published = push_to_hf(
            self.files,
            repository,
            parent_commit=compared["parent_commit"],
            tag=_version(self.model_tag),
            message=f"Promote {self.model_tag}",
        )
        write_json(self.published_file, asdict(published))
        return published

    @property
    def _compared(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.compared_file.read_text(encoding="utf-8"))
        return content


def prune(files: Files, kept: str) -> None:
    """Delete the releases of earlier champions and of interrupted runs."""
    for folder in files.releases.glob("*") if files.releases.exists() else ():
        if folder.name != _version(kept):
            shutil.rmtree(folder)


def _version(model_tag: str) -> str:
    return model_tag.partition(":")[2]
