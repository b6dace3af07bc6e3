"""Serve an older model again: ``python -m training.rollback sentiment:VERSION [--publish]``."""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bentoml

from inference.settings import ModelTagError, RuntimeNameError
from inference.store import MODEL_NAME, SERVING_FILES, STARTER_ORIGIN, find_model, new_tag
from training.command import run_command
from training.errors import TrainingError
from training.files import Files, write_json
from training.hub.commit_plan import CARD, MODEL_FILE_PATTERN
from training.hub.errors import HubError
from training.hub.manifest import BEST_METRICS, Manifest
from training.hub.push import PublishedCommit
from training.hub.repository import HubRepository, RepoCommit
from training.hub.snapshot import HubSnapshot, read_snapshot
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord, RecordError
from training.promotion.registry import (
    current_model,
    promote,
    recover_interrupted_promotion,
    serving_note,
)
from training.promotion.release import Release, ReleaseError
from training.reporting.plots import plot_promotions
from training.settings import HubSettings


class RollbackError(TrainingError):
    """An older model cannot become the champion."""

    def __init__(self, tag: str, problem: str) -> None:
        super().__init__(
            f"{tag} cannot be rolled back to: {problem}. `bentoml models list {MODEL_NAME}` lists "
            "the models; MODEL_TAG serves one without making it the champion"
        )


def roll_back(tag: bentoml.Tag, files: Files) -> bentoml.Model:
    """Register an older model again, so that it is the newest, and make it the champion.

    Returns the model of an earlier rollback if that did so already. Raises RollbackError if the
    store has no such model, or it cannot be a champion.
    """
    recover_interrupted_promotion(files)  # which may be that of this very rollback
    model = _find(tag)
    if model is None or tag.name != MODEL_NAME:
        raise RollbackError(str(tag), "the Bento store has no model of that tag and version")
    metadata: dict[str, Any] = dict(model.info.metadata)
    if metadata.get("origin") == STARTER_ORIGIN:
        raise RollbackError(str(tag), "it is the starter model, which is never a champion")
    served, previous = current_model(), ChampionRecord.read(files.best)
    if served is not None:
        if served.tag == model.tag:
            raise RollbackError(str(tag), "it is the champion")
        if _is_copy(served, model, previous):
            return served
    metrics = dict(metadata.get("metrics", {}))
    accuracy = metrics.pop("accuracy", None)
    if accuracy is None:
        raise RollbackError(str(tag), "its accuracy was never measured")
    record = ChampionRecord(
        accuracy=accuracy,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        model_tag=str(new_tag()),
        history=() if previous is None else previous.history,
        details={"origin": "rollback", "rolled_back_to": str(model.tag), **metrics},
    )
    return promote(Path(model.path), record.with_history_entry("rollback"), files)


@dataclass(frozen=True)
class Publication:
    """The commit of an earlier publication of a model, and the Hub as it is now."""

    hub: HubSnapshot
    repository: HubRepository
    commit: RepoCommit

    @classmethod
    def of(cls, tag: bentoml.Tag, settings: HubSettings) -> "Publication":
        """Find the commit with a model's tag. Raises ReleaseError or HubError."""
        hub = read_snapshot(settings)
        if hub.publish_blocker is not None or hub.repository is None:
            raise ReleaseError(f"{tag} cannot be published: {hub.publish_blocker}.")
        commit = hub.repository.get_commit(str(tag.version))
        if commit is None:
            raise ReleaseError(
                f"{tag} cannot be published: it never was, since {hub.name} on the Hub has no tag "
                f"{tag.version}. Roll back without --publish, or train again"
            )
        return cls(hub, hub.repository, commit)


def republish(publication: Publication, model: bentoml.Model, files: Files) -> PublishedCommit:
    """Publish the champion after a rollback: the files of its earlier publication, a new record.

    Raises ReleaseError if those files are of another model, and PublishError.
    """
    release = Release.of(files, str(model.tag))
    if not release.folder.exists():
        with release.draft(publication.hub) as folder:
            _download_files(publication, model, files, folder)
    return release.publish(publication.repository)


def hub_champion_note(tag: bentoml.Tag, model: bentoml.Model, settings: HubSettings) -> str:
    """Return which champion the Hub has after a rollback; empty without HF_REPO_ID."""
    if settings.hf_repo_id is None:
        return ""
    repository = HubRepository(settings.hf_repo_id, settings.token)
    try:
        record = _published_record(repository)
    except (HubError, RecordError) as error:
        return f"The champion on the Hub is unknown: {error}"
    if record is None:
        return f"{repository.repo_id} on the Hub has no champion."
    if record.model_tag in (str(tag), str(model.tag)):
        return f"{repository.repo_id} on the Hub has this model as well."
    return (
        f"{repository.repo_id} on the Hub still has {record.display_name}, accuracy "
        f"{record.accuracy:.4f}, which `make model` fetches and trainings have to beat. To publish "
        f"the older model: `python -m training.rollback {tag} --publish`"
    )


def main(arguments: list[str]) -> int:
    """Roll back to the model of a tag, and publish it if asked; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rollback", description="Serve an older model again."
    )
    parser.add_argument("tag", help="of a model of the Bento store, such as sentiment:VERSION")
    parser.add_argument(
        "--publish", action="store_true", help="also publish it to HF_REPO_ID, where it once was"
    )
    parsed = parser.parse_args(arguments)
    return run_command(
        lambda: _roll_back_and_report(parsed.tag, parsed.publish), ModelTagError, RuntimeNameError
    )


def _roll_back_and_report(given: str, publishes: bool) -> None:
    with run_lock(files := Files()):
        settings, tag = HubSettings.read(), _parse_tag(given)
        found = _find(tag)  # completes an abbreviated version
        older = tag if found is None else found.tag
        publication = Publication.of(older, settings) if publishes else None
        model = roll_back(tag, files)
        note = serving_note(str(model.tag))
        print(f"Registered {given} again as {model.tag}; {note}.", flush=True)
        if publication is not None:
            print(f"Published: {republish(publication, model, files).url}")
        elif note := hub_champion_note(older, model, settings):
            print(note)


def _parse_tag(given: str) -> bentoml.Tag:
    try:
        return bentoml.Tag.from_taglike(given if ":" in given else f"{MODEL_NAME}:{given}")
    except (ValueError, bentoml.exceptions.BentoMLException) as error:
        raise RollbackError(repr(given), "it is not a tag") from error


def _find(tag: bentoml.Tag) -> bentoml.Model | None:
    if tag.version in (None, "latest"):
        return None
    try:
        return find_model(tag)
    except bentoml.exceptions.BentoMLException as error:
        raise RollbackError(str(tag), "several versions start with it") from error


def _is_copy(served: bentoml.Model, model: bentoml.Model, record: ChampionRecord | None) -> bool:
    """Return whether an earlier rollback made the served model from this one."""
    if record is None or record.model_tag != str(served.tag):
        return False
    return record.details.get("rolled_back_to") == str(model.tag)


def _published_record(repository: HubRepository) -> ChampionRecord | None:
    commit = repository.get_commit()
    if commit is None or BEST_METRICS not in commit.files:
        return None
    with TemporaryDirectory() as scratch:
        repository.download(commit.sha, Path(scratch), [BEST_METRICS])
        name = f"{BEST_METRICS} of {repository.repo_id} on the Hub"
        return ChampionRecord.read(Path(scratch) / BEST_METRICS, name)


def _download_files(
    publication: Publication, model: bentoml.Model, files: Files, folder: Path
) -> None:
    repository, commit = publication.repository, publication.commit
    manifest = Manifest.read(repository, commit.sha, commit.files)
    names = [one for one in commit.files if MODEL_FILE_PATTERN.fullmatch(one) or one == CARD]
    repository.download(commit.sha, folder, names if manifest is None else list(manifest.files))
    for name in SERVING_FILES:
        path = folder / name
        if not path.is_file() or path.read_bytes() != Path(model.path_of(name)).read_bytes():
            raise ReleaseError(
                f"{model.tag} cannot be published: its {name} differs from that in commit "
                f"{commit.sha} of {repository.repo_id} on the Hub. Train again"
            )
    record = ChampionRecord.read(files.best)
    if record is None or record.model_tag != str(model.tag):
        raise ReleaseError(f"{model.tag} is not the champion of {files.best}. Roll back again")
    write_json(folder / BEST_METRICS, record.to_dict())
    plot_promotions(record, folder)
    if (card := folder / CARD).is_file():
        card.write_text(_with_note(card.read_text(encoding="utf-8"), record), encoding="utf-8")


def _with_note(card: str, record: ChampionRecord) -> str:
    day = datetime.fromisoformat(record.timestamp).astimezone(UTC).date()
    note = f"> Champion again since {day}, by a rollback, as `{record.model_tag}`.\n"
    head, title, text = card.partition("\n# ")
    line, end, rest = text.partition("\n")
    return f"{head}{title}{line}{end}\n{note}{rest}" if title else f"{card}\n{note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
