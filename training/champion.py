"""What a candidate has to beat, as it was when the run began."""

import logging
from dataclasses import dataclass
from pathlib import Path

import bentoml

from inference.model_folder import ModelFolderError
from inference.store import MODEL_NAME, SERVING_FILES, STARTER_ORIGIN, find
from training.contest import Contender, enter_served
from training.files import Files
from training.hub.push import BEST_METRICS
from training.hub.view import HubView
from training.labels import LabelsError
from training.records import Best
from training.sampling import Sample

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Champion:
    """Hold a champion's folder, and what people call it."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Standing:
    """Hold the champions whose models are to be had, and the newest record of a champion."""

    champions: tuple[Champion, ...]
    record: Best | None


def in_store() -> bentoml.Model | None:
    """Return the model that is served by default; None for an empty store and for the starter."""
    model = find(bentoml.Tag(MODEL_NAME, None))
    if model is None or model.info.metadata.get("origin") == STARTER_ORIGIN:
        return None
    return model


def survey(files: Files, hub: HubView, folder: Path) -> Standing:
    """Look for champions in the Bento store and on the Hub, from where one is downloaded.

    Both count, since each may have been promoted without the other's knowledge. Raises
    RecordError where a record makes no sense, and HubError where a download fails.
    """
    records = [Best.read(files.best)]
    champions = []
    if (model := in_store()) is not None:
        champions.append(Champion(f"{model.tag} of the Bento store", Path(model.path)))
    if hub.has(BEST_METRICS):
        hub.download([BEST_METRICS], folder)
        records.append(Best.read(folder / BEST_METRICS))
    if hub.has(*SERVING_FILES):
        hub.download(SERVING_FILES, folder)
        if not any(_are_equal(folder, known.folder) for known in champions):
            champions.append(Champion(f"{hub.name} on the Hub", folder))
    known = [record for record in records if record is not None]
    return Standing(tuple(champions), max(known, key=lambda one: one.timestamp, default=None))


def best_of(standing: Standing, sample: Sample) -> Contender | None:
    """Let the champions judge the sample's rows; return the best, None where there is none.

    One that cannot be compared, since it is broken or knows other labels, is left out with a
    warning.
    """
    contenders = []
    for champion in standing.champions:
        try:
            contenders.append(enter_served(champion.name, champion.folder, sample))
        except (ModelFolderError, LabelsError) as error:
            logger.warning("%s cannot be compared with: %s", champion.name, error)
    rows = sample.evaluation_rows
    return max(
        contenders,
        key=lambda one: (one.scores.rows(rows).accuracy, one.scores.accuracy),
        default=None,
    )


def _are_equal(folder: Path, other: Path) -> bool:
    return all(
        (folder / name).read_bytes() == (other / name).read_bytes() for name in SERVING_FILES
    )
