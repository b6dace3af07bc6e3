"""Registration of the champion: which model, in the Bento store and in ``best_metrics.json``.

What is about to change is written down first, so that the next run recovers an interrupted one.
"""

import logging
from pathlib import Path

import bentoml

from inference.settings import ModelSettings
from inference.store import MODEL_NAME, STARTER_ORIGIN, find_model, register_model
from patches.model_store import set_latest
from training.files import Files, write_json
from training.promotion.champion_record import ChampionRecord

logger = logging.getLogger(__name__)


def current_model() -> bentoml.Model | None:
    """Return the model that is served by default; None for an empty store or the starter."""
    model = find_model(bentoml.Tag(MODEL_NAME, None))
    if model is None or model.info.metadata.get("origin") == STARTER_ORIGIN:
        return None
    return model


def serving_note(tag: str) -> str:
    """Return what `make serve` does now that the model of a tag is the newest."""
    named = ModelSettings().model_tag
    if named in (MODEL_NAME, f"{MODEL_NAME}:latest", tag):
        return "`make serve` serves it from now on"
    return f"`make serve` still serves {named}, which MODEL_TAG names"


def promote(folder: Path, record: ChampionRecord, files: Files) -> bentoml.Model:
    """Register the model of a folder under the record's tag, and replace ``best_metrics.json``.

    If it is killed, ``recover_interrupted_promotion`` leaves the old champion or the new one.
    """
    write_json(files.pending_promotion, record.to_dict())
    model = register_model(folder, bentoml.Tag.from_taglike(str(record.model_tag)))
    _finish(record, files)
    return model


def recover_interrupted_promotion(files: Files) -> None:
    """Complete an interrupted promotion if its model is in the store, else cancel it."""
    record = ChampionRecord.read(files.pending_promotion)
    if record is None:
        return
    if (model := find_model(bentoml.Tag.from_taglike(str(record.model_tag)))) is None:
        logger.warning("The last run was interrupted before its promotion: nothing has changed")
        files.pending_promotion.unlink()
    else:
        logger.warning(
            "The last run was interrupted: completing the promotion of %s", record.model_tag
        )
        set_latest(model.tag)
        _finish(record, files)


def _finish(record: ChampionRecord, files: Files) -> None:
    write_json(files.best, record.to_dict())
    files.pending_promotion.unlink()
