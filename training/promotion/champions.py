"""What a candidate has to beat, as it was when the run began."""

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
from training.promotion.comparison import Titleholder
from training.promotion.registry import current_model

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """Hold a champion's folder, what people call it, and the records of its promotion, if any."""

    name: str
    folder: Path
    records: tuple[ChampionRecord, ...]


@dataclass(frozen=True)
class ChampionState:
    """Hold the champions whose models are to be had, and all records, the newest first."""

    champions: tuple[Champion, ...]
    records: tuple[ChampionRecord, ...]

    @property
    def history(self) -> tuple[Promotion, ...]:
        """Return all promotions that the records tell of."""
        return merge_histories(self.records)


def find_champions(files: Files, hub: HubSnapshot, folder: Path) -> ChampionState:
    """Look for champions in the Bento store and on the Hub, from where one is downloaded.

    All count, since each may have come there without the others' knowledge: of the store that is
    the one of the record, and the one that is served if that is another. Raises RecordError where
    a record makes no sense, and HubError where a download fails.
    """
    own, hubs = ChampionRecord.read(files.best), _published_record(hub, folder)
    champions = [
        Champion(f"{tag} of the Bento store", Path(model.path), _of(tag, own))
        for tag, model in _stored(own).items()
    ]
    if hub.has(*SERVING_FILES):
        hub.download(served_files(), folder)
        published = Champion(f"{hub.name} on the Hub", folder, () if hubs is None else (hubs,))
        champions = _joined(published, champions)
    records = sorted(filter(None, (own, hubs)), key=lambda record: record.timestamp, reverse=True)
    return ChampionState(tuple(champions), tuple(records))


def evaluate_champions(
    standing: ChampionState, sample: SampledSplits
) -> tuple[tuple[Titleholder, ...], tuple[ChampionRecord, ...]]:
    """Let the champions judge the sample's rows.

    Returns them, the best first, and the records that are all that is left of a champion. One that
    cannot be judged, since it is broken or knows other labels, is left out with a warning.
    """
    holders = []
    for champion in standing.champions:
        try:
            classifier, _ = load_checked(champion.folder, "openvino")
            scores = predict(classifier, sample.validation, champion.name)
        except (ModelFolderError, LabelMismatchError, PredictionError) as error:
            logger.warning("%s cannot be compared with: %s", champion.name, error)
        else:
            holders.append(Titleholder(champion.name, champion.folder, scores, champion.records))
    rows = sample.evaluation_indices
    holders.sort(
        key=lambda one: (one.scores.rows(rows).accuracy, one.scores.accuracy), reverse=True
    )
    judged = [record for one in holders for record in one.records]
    return tuple(holders), tuple(record for record in standing.records if record not in judged)


def _stored(record: ChampionRecord | None) -> dict[str, bentoml.Model]:
    """Return the store's champions by their tags: the recorded and the served, often the same."""
    tag = None if record is None else record.model_tag
    recorded = next((one for one in list_models() if str(one.tag) == tag), None)
    return {str(model.tag): model for model in (recorded, current_model()) if model is not None}


def _published_record(hub: HubSnapshot, folder: Path) -> ChampionRecord | None:
    if not hub.has(BEST_METRICS):
        return None
    hub.download([BEST_METRICS], folder)
    return ChampionRecord.read(
        folder / BEST_METRICS, called=f"{BEST_METRICS} of {hub.name} on the Hub"
    )


def _of(tag: str, record: ChampionRecord | None) -> tuple[ChampionRecord, ...]:
    """Return the record where it is that of the model of a tag."""
    return (record,) if record is not None and record.model_tag == tag else ()


def _joined(published: Champion, stored: list[Champion]) -> list[Champion]:
    """Return all champions; one that is in both places is the store's, with both records.

    The Hub's is the first, so that it is the one that stays where two are equally good.
    """
    same = [one for one in stored if _are_equal(one.folder, published.folder)]
    if not same:
        return [published, *stored]
    return [
        replace(one, records=one.records + published.records) if one in same else one
        for one in stored
    ]


def _are_equal(folder: Path, other: Path) -> bool:
    return all(
        (folder / name).read_bytes() == (other / name).read_bytes() for name in SERVING_FILES
    )
