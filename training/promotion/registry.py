"""Put a better model in the champion's place.

Two things change, the Bento store and ``best_metrics.json``. What is about to change is written
down first, so that whoever was killed in between is completed by the next run.
"""

import logging
from pathlib import Path

import bentoml

from inference.settings import ModelSettings
from inference.store import MODEL_NAME, STARTER_ORIGIN, find_model, register_model
from patches.model_store import set_latest
from training.atomic_write import write_json
from training.files import Files
from training.promotion.champion_record import ChampionRecord

logger = logging.getLogger(__name__)


def current_model() -> bentoml.Model | None:
    """Return the model that is served by default; None for an empty store and for the starter."""
    model = find_model(bentoml.Tag(MODEL_NAME, None))
    if model is None or model.info.metadata.get("origin") == STARTER_ORIGIN:
        return None
    return model


def serving_note(tag: str) -> str:
    """Tell in words what `make serve` does, now that the model of a tag is the newest."""
    named = ModelSettings().model_tag
    if named in (MODEL_NAME, f"{MODEL_NAME}:latest", tag):
        return "`make serve` serves it from now on"
    return f"`make serve` goes on serving what MODEL_TAG names, {named}"


def promote(folder: Path, best: ChampionRecord, files: Files) -> bentoml.Model:
    """Register the model of a folder under the record's tag, and replace ``best_metrics.json``.

    If it is killed, ``recover_interrupted_promotion`` leaves the old champion or the new one.
    """
    write_json(files.pending_promotion, best.to_dict())
    model = register_model(folder, bentoml.Tag.from_taglike(str(best.model_tag)))
    _conclude(best, files)
    return model


def recover_interrupted_promotion(files: Files) -> None:
    """Complete a promotion that was interrupted after its model came into the store.

    One that was interrupted before is forgotten: the old champion is still in its place.
    """
    best = ChampionRecord.read(files.pending_promotion)
    if best is None:
        return
    if (model := find_model(bentoml.Tag.from_taglike(str(best.model_tag)))) is None:
        logger.warning("The last run was interrupted before it promoted its model: as it was.")
        files.pending_promotion.unlink()
    else:
        logger.warning(
            "The last run was interrupted: completing the promotion of %s", best.model_tag
        )
        set_latest(model.tag)
        _conclude(best, files)


def _conclude(best: ChampionRecord, files: Files) -> None:
    write_json(files.best, best.to_dict())
    files.pending_promotion.unlink()
