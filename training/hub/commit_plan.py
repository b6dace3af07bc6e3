"""Plan a publication's commit so that it keeps what other people changed in the repository."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import ModelCard

from training.hub.manifest import BEST_METRICS, MANIFEST, Manifest
from training.hub.repository import HubRepository

logger = logging.getLogger(__name__)

CARD = "README.md"
GENERATED_METADATA = {
    "base_model",
    "datasets",
    "language",
    "library_name",
    "metrics",
    "model-index",
    "pipeline_tag",
    "tags",
}
"""Metadata that a new card sets itself; others of an edited card, such as its license, are kept."""

MODEL_FILE_PATTERN = re.compile(r"[^/]+\.(bin|json|model|png|safetensors|txt|xml)")
"""File names that a publication without a manifest may have written."""


@dataclass(frozen=True)
class CommitPlan:
    """Files that a commit adds or replaces, by their names on the Hub, and those it deletes."""

    added: Mapping[str, bytes | Path]
    deleted: tuple[str, ...]


def plan_commit(folder: Path, repository: HubRepository, sha: str, tag: str) -> CommitPlan:
    """Plan how to publish a folder on top of commit ``sha``. Raises HubError.

    Only files of that commit's manifest that are unchanged since are deleted. An edited card is
    replaced: the new one takes over its additional metadata, and its text is kept in another file.
    """
    present = repository.tree(sha) or {}
    manifest = Manifest.read(repository, sha, present)
    added: dict[str, bytes | Path] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    known = manifest or Manifest({})
    changed = {name for name in present if not known.is_unchanged(name, present[name])}
    stale = tuple(sorted((known.files.keys() & present.keys()) - changed - added.keys() - {CARD}))
    _warn_of_foreign_files(repository.repo_id, sha, manifest, changed - {CARD, MANIFEST}, added)
    kept: dict[str, bytes | Path] = {}
    if CARD in changed and CARD in added:
        added[CARD], kept = _merge_card(folder / CARD, repository, sha, tag)
    published = Manifest.of(added)
    return CommitPlan({**added, **kept, MANIFEST: published.to_json()}, stale)


def model_changes_between(repository: HubRepository, before: str, after: str) -> set[str] | None:
    """Return the model's files that changed between two commits; card and plots do not count.

    Returns None if one of the commits no longer exists. Raises HubError.
    """
    old, new = repository.tree(before), repository.tree(after)
    if old is None or new is None:
        return None
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    manifest = Manifest.read(repository, before, old)
    if manifest is None:
        models = {name for name in changed if MODEL_FILE_PATTERN.fullmatch(name)}
    else:
        models = changed & {*manifest.files, MANIFEST}
    return {name for name in models if name != CARD and not name.endswith(".png")}


def _merge_card(
    path: Path, repository: HubRepository, sha: str, tag: str
) -> tuple[bytes, dict[str, bytes | Path]]:
    """Return the card that replaces an edited one, and a file that keeps the edited text."""
    with TemporaryDirectory() as scratch:
        repository.download(sha, Path(scratch), [CARD])
        edited = (Path(scratch) / CARD).read_bytes()
    text = edited.decode("utf-8", "replace")
    card = _with_edited_metadata(path.read_text(encoding="utf-8"), text).encode()
    if not _has_text(text):
        return card, {}
    name = f"README.before-{tag}.md"
    logger.warning(
        "%s of %s was edited since the last publication: the new card replaces it, and %s keeps "
        "its text",
        CARD,
        repository.repo_id,
        name,
    )
    return card, {name: edited}


def _with_edited_metadata(new: str, edited: str) -> str:
    try:
        metadata: dict[str, Any] = ModelCard(edited, ignore_metadata_errors=True).data.to_dict()
        card: Any = ModelCard(new)
    except Exception:  # pylint: disable=broad-exception-caught  # invalid YAML: its parser's errors
        return new
    kept = {key: value for key, value in metadata.items() if key not in GENERATED_METADATA}
    tags = [tag for tag in metadata.get("tags") or () if tag not in (card.data.tags or ())]
    if not kept and not tags:
        return new
    for key, value in kept.items():
        setattr(card.data, key, value)
    card.data.tags = [*(card.data.tags or ()), *tags]
    return str(card)


def _has_text(card: str) -> bool:
    """Return whether a card has text besides its metadata."""
    head, rule, text = card.removeprefix("---\n").partition("\n---")
    return bool((text if rule and card.startswith("---\n") else head).strip())


def _warn_of_foreign_files(
    repo_id: str,
    sha: str,
    manifest: Manifest | None,
    changed: set[str],
    added: Mapping[str, bytes | Path],
) -> None:
    """Warn of other people's files that are replaced, and of files that may be obsolete."""
    has_old_publication = manifest is None and BEST_METRICS in changed  # one without a manifest
    replaced = [] if has_old_publication else sorted(changed & added.keys())
    if replaced:
        logger.warning(
            "%s of %s is replaced, though no publication wrote this content; commit %s keeps it",
            ", ".join(replaced),
            repo_id,
            sha,
        )
    left = sorted(filter(MODEL_FILE_PATTERN.fullmatch, changed - added.keys()))
    if has_old_publication and left:
        logger.warning(
            "%s of %s may be obsolete files of an earlier publication: delete those on the Hub",
            ", ".join(left),
            repo_id,
        )
