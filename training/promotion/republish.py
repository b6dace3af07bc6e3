"""Publish an older model again, after a rollback to it: what the Hub has under its tag."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml

from inference.store import SERVING_FILES
from training.atomic_write import write_json
from training.files import Files
from training.hub.commit_plan import CARD, MODEL_FILE_PATTERN
from training.hub.errors import HubError
from training.hub.manifest import BEST_METRICS, Manifest
from training.hub.push import PublishedCommit
from training.hub.repository import HubRepository, RepoCommit
from training.hub.snapshot import HubSnapshot, read_snapshot
from training.promotion.champion_record import ChampionRecord, RecordError
from training.promotion.release import Release, ReleaseError
from training.reporting.artifacts import plot_promotions
from training.settings import HubSettings


@dataclass(frozen=True)
class Publication:
    """An earlier publication of a model: its commit, and the Hub as it is now."""

    hub: HubSnapshot
    repository: HubRepository
    commit: RepoCommit

    @classmethod
    def of(cls, tag: bentoml.Tag, settings: HubSettings) -> "Publication":
        """Return where the Hub has a model. Raises ReleaseError, and HubError."""
        hub = read_snapshot(settings)
        if hub.publish_blocker is not None or hub.repository is None:
            raise ReleaseError(f"{tag} cannot be published: {hub.publish_blocker}.")
        commit = hub.repository.get_commit(str(tag.version))
        if commit is None:
            raise ReleaseError(
                f"{tag} cannot be published: {hub.name} on the Hub has no tag {tag.version}, so it "
                "was never published there. Roll back without --publish, or train again"
            )
        return cls(hub, hub.repository, commit)


def republish(publication: Publication, model: bentoml.Model, files: Files) -> PublishedCommit:
    """Publish a model of the Bento store, which a rollback has made the champion.

    The files are those of its earlier publication, with the record of the rollback. Raises
    ReleaseError where those are of another model, and PublishError.
    """
    release = Release.of(files, str(model.tag))
    if not release.folder.exists():
        with release.draft(publication.hub) as folder:
            _restore(publication, model, files, folder)
    return release.publish(publication.repository)


def what_the_hub_has(tag: bentoml.Tag, model: bentoml.Model, settings: HubSettings) -> str:
    """Return in words which champion the Hub has after a rollback; empty without HF_REPO_ID."""
    if settings.hf_repo_id is None:
        return ""
    repository = HubRepository(settings.hf_repo_id, settings.token)
    try:
        record = _record(repository)
    except (HubError, RecordError) as error:
        return f"It could not be seen which champion the Hub has: {error}"
    if record is None:
        return f"{repository.repo_id} on the Hub has no champion."
    if record.model_tag in (str(tag), str(model.tag)):
        return f"{repository.repo_id} on the Hub has this model as well."
    return (
        f"{repository.repo_id} on the Hub still has {record.display_name}, accuracy "
        f"{record.accuracy:.4f}: `make model` fetches it, and trainings compare with it. "
        "To publish the older model: "
        f"`python -m training.rollback {tag} --publish`"
    )


def _record(repository: HubRepository) -> ChampionRecord | None:
    head = repository.get_commit()
    if head is None or BEST_METRICS not in head.files:
        return None
    with TemporaryDirectory() as scratch:
        repository.download(head.sha, Path(scratch), [BEST_METRICS])
        name = f"{BEST_METRICS} of {repository.repo_id} on the Hub"
        return ChampionRecord.read(Path(scratch) / BEST_METRICS, name)


def _restore(publication: Publication, model: bentoml.Model, files: Files, folder: Path) -> None:
    repository, commit = publication.repository, publication.commit
    manifest = Manifest.read(repository, commit.sha, commit.files)
    names = [one for one in commit.files if MODEL_FILE_PATTERN.fullmatch(one) or one == CARD]
    repository.download(commit.sha, folder, names if manifest is None else list(manifest.files))
    for name in SERVING_FILES:
        path = folder / name
        if not path.is_file() or path.read_bytes() != Path(model.path_of(name)).read_bytes():
            raise ReleaseError(
                f"{model.tag} cannot be published: {name} of it is not what "
                f"{repository.repo_id} on the Hub has in the commit {commit.sha}. Train again"
            )
    best = ChampionRecord.read(files.best)
    if best is None or best.model_tag != str(model.tag):
        raise ReleaseError(f"{model.tag} is not the champion of {files.best}. Roll back again")
    write_json(folder / BEST_METRICS, best.to_dict())
    plot_promotions(best, folder)
    if (card := folder / CARD).is_file():
        card.write_text(_with_note(card.read_text(encoding="utf-8"), best), encoding="utf-8")


def _with_note(card: str, best: ChampionRecord) -> str:
    day = datetime.fromisoformat(best.timestamp).astimezone(UTC).date()
    note = f"> Champion again since {day}, by a rollback, as `{best.model_tag}`.\n"
    head, title, text = card.partition("\n# ")
    line, end, rest = text.partition("\n")
    return f"{head}{title}{line}{end}\n{note}{rest}" if title else f"{card}\n{note}"
