"""The champions at the start of a run: in the Bento store and on the Hub."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import bentoml

from inference.model_folder import ModelFolderError
from inference.self_check import load_checked
from inference.store import SERVING_FILES, list_models, served_files
from training.data.label_alignment import LabelMismatchError
from training.data.sampling import SampledSplits
from training.evaluation.prediction import PredictionError, predict
from training.files import Files
from training.hub.manifest import BEST_METRICS
from training.hub.snapshot import HubSnapshot
from training.promotion.champion_record import ChampionRecord, Promotion, merge_histories
from training.promotion.comparison import EvaluatedModel
from training.promotion.registry import current_model

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChampionModel:
    """An available champion before its evaluation; ``records`` are those of its promotion."""

    display_name: str
    folder: Path
    records: tuple[ChampionRecord, ...]


@dataclass(frozen=True)
class ChampionState:
    """The available champions and all records, the newest first."""

    champions: tuple[ChampionModel, ...]
    records: tuple[ChampionRecord, ...]

    @property
    def history(self) -> tuple[Promotion, ...]:
        """Return the promotions of all records."""
        return merge_histories(self.records)


def find_champions(files: Files, hub: HubSnapshot, folder: Path) -> ChampionState:
    """Find the champions in the Bento store, and download that of the Hub into ``folder``.

    All have to be beaten, since the store and the Hub may have changed independently. The store's
    are the model of the record, and the served one if that is another. Raises RecordError if a
    record is malformed, and HubError if a download fails.
    """
    own, published = ChampionRecord.read(files.best), _published_record(hub, folder)
    champions = [
        ChampionModel(f"{tag} of the Bento store", Path(model.path), _record_of(tag, own))
        for tag, model in _stored_champions(own).items()
    ]
    if hub.has(*SERVING_FILES):
        hub.download(served_files(), folder)
        records = () if published is None else (published,)
        champions = _merge(ChampionModel(f"{hub.name} on the Hub", folder, records), champions)
    newest_first = sorted(
        filter(None, (own, published)), key=lambda record: record.timestamp, reverse=True
    )
    return ChampionState(tuple(champions), tuple(newest_first))


def evaluate_champions(
    state: ChampionState, sample: SampledSplits
) -> tuple[tuple[EvaluatedModel, ...], tuple[ChampionRecord, ...]]:
    """Return the evaluated champions, the best first, and the records without a model.

    Skips a champion that cannot be evaluated, because it is damaged or has other labels, with a
    warning.
    """
    evaluated = []
    for champion in state.champions:
        name, rows = champion.display_name, sample.evaluation_indices
        try:
            classifier, _ = load_checked(champion.folder, "openvino")
            predictions = predict(classifier, sample.validation, name)
        except (ModelFolderError, LabelMismatchError, PredictionError) as error:
            logger.warning("Not compared with %s: %s", name, error)
        else:
            evaluated.append(
                EvaluatedModel(name, champion.folder, predictions, rows, records=champion.records)
            )
    evaluated.sort(key=lambda one: (one.accuracy, one.validation.accuracy), reverse=True)
    with_model = [record for one in evaluated for record in one.records]
    return tuple(evaluated), tuple(one for one in state.records if one not in with_model)


def _stored_champions(record: ChampionRecord | None) -> dict[str, bentoml.Model]:
    """Return the recorded and the served model, often the same, by tag."""
    tag = None if record is None else record.model_tag
    recorded = next((one for one in list_models() if str(one.tag) == tag), None)
    return {str(model.tag): model for model in (recorded, current_model()) if model is not None}


def _published_record(hub: HubSnapshot, folder: Path) -> ChampionRecord | None:
    if not hub.has(BEST_METRICS):
        return None
    hub.download([BEST_METRICS], folder)
    name = f"{BEST_METRICS} of {hub.name} on the Hub"
    return ChampionRecord.read(folder / BEST_METRICS, name)


def _record_of(tag: str, record: ChampionRecord | None) -> tuple[ChampionRecord, ...]:
    return (record,) if record is not None and record.model_tag == tag else ()


def _merge(published: ChampionModel, stored: list[ChampionModel]) -> list[ChampionModel]:
    """Return all champions; one that is in both places is the store's, with both records.

    The Hub's is the first, so that it stays the champion if two are equally good.
    """
    same = [one for one in stored if _have_equal_files(one.folder, published.folder)]
    if not same:
        return [published, *stored]
    return [
        replace(one, records=one.records + published.records) if one in same else one
        for one in stored
    ]


def _have_equal_files(folder: Path, other: Path) -> bool:
    return all(
        (folder / name).read_bytes() == (other / name).read_bytes() for name in SERVING_FILES
    )
