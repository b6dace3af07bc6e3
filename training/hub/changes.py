"""What a publication changes in a repository, and what somebody else has changed there."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from training.hub.edited_card import CARD, has_text, with_edits
from training.hub.manifest import BEST_METRICS, MANIFEST, Manifest
from training.hub.repository import HubRepository

logger = logging.getLogger(__name__)

MODEL_FILE_PATTERN = re.compile(r"[^/]+\.(bin|json|model|png|safetensors|txt|xml)")
"""Names that a champion's files may have. Publications before there was a manifest say no more."""


@dataclass(frozen=True)
class Changes:
    """The files that a commit adds or replaces, by their names on the Hub, and those it deletes."""

    added: Mapping[str, bytes | Path]
    deleted: tuple[str, ...]


def plan(folder: Path, repository: HubRepository, sha: str, tag: str) -> Changes:
    """Return what makes a folder the published one, on top of a commit. Raises HubError.

    Deleted is only what the manifest of that commit lists, unless it was changed since; a card
    that was edited keeps the additions to its head, and its text beside the new card.
    """
    present = repository.tree(sha) or {}
    manifest = Manifest.read(repository, sha, present)
    added: dict[str, bytes | Path] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    known = manifest or Manifest({})
    changed = {name for name in present if not known.wrote(name, present[name])}
    stale = tuple(sorted((known.files.keys() & present.keys()) - changed - added.keys() - {CARD}))
    _warn(repository.repo_id, sha, manifest, changed - {CARD, MANIFEST}, added)
    kept: dict[str, bytes | Path] = {}
    if CARD in changed and CARD in added:
        card, kept = _merge_card((folder / CARD), repository, sha, tag)
        added[CARD] = card
    published = Manifest.of(added)
    return Changes({**added, **kept, MANIFEST: published.to_json()}, stale)


def foreign_changes(repository: HubRepository, before: str, after: str) -> set[str] | None:
    """Return which files of the model changed between two commits, and not only files beside it.

    Card and pictures are beside it. None if a commit is not there any more. Raises HubError.
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
    """Return the card that is published over an edited one, and what keeps the edited text."""
    with TemporaryDirectory() as scratch:
        repository.download(sha, Path(scratch), [CARD])
        edited = (Path(scratch) / CARD).read_bytes()
    text = edited.decode("utf-8", "replace")
    card = with_edits(path.read_text(encoding="utf-8"), text).encode()
    if not has_text(text):
        return card, {}
    name = f"README.before-{tag}.md"
    logger.warning(
        "%s of %s was written or edited by somebody since the last publication: the new card takes "
        "its place, and %s keeps its text",
        CARD,
        repository.repo_id,
        name,
    )
    return card, {name: edited}


def _warn(
    repo_id: str,
    sha: str,
    manifest: Manifest | None,
    changed: set[str],
    added: Mapping[str, bytes | Path],
) -> None:
    """Say what of somebody else's is replaced, and what may be left of an earlier publication."""
    was_published = BEST_METRICS in changed  # before there was a manifest: all of that is ours
    replaced = [] if manifest is None and was_published else sorted(changed & added.keys())
    if replaced:
        logger.warning(
            "%s of %s is replaced, though no publication wrote it as it is; the commit %s keeps it",
            ", ".join(replaced),
            repo_id,
            sha,
        )
    left = sorted(filter(MODEL_FILE_PATTERN.fullmatch, changed - added.keys()))
    if manifest is None and was_published and left:
        logger.warning(
            "%s of %s may be left of an earlier publication, or be yours: delete on the Hub what "
            "is not",
            ", ".join(left),
            repo_id,
        )
