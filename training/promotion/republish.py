"""Publish an older model again after a rollback to it, from its tag on the Hub."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import bentoml

from inference.store import SERVING_FILES
from training.files import Files, write_json
from training.hub.commit_plan import CARD, MODEL_FILE_PATTERN
from training.hub.errors import HubError
from training.hub.manifest import BEST_METRICS, Manifest
from training.hub.push import PublishedCommit
from training.hub.repository import HubRepository, RepoCommit
from training.hub.snapshot import HubSnapshot, read_snapshot
from training.promotion.champion_record import ChampionRecord, RecordError
from training.promotion.release import Release, ReleaseError
from training.reporting.plots import plot_promotions
from training.settings import HubSettings


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
