"""Serve an older model again: ``python -m training.rollback sentiment:VERSION [--publish]``."""

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bentoml

from inference.settings import ModelTagError, RuntimeNameError
from inference.store import MODEL_NAME, STARTER_ORIGIN, find_model, new_tag
from training.errors import EXPECTED, TrainingError
from training.files import Files
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import (
    current_model,
    promote,
    recover_interrupted_promotion,
    serving_note,
)
from training.promotion.republish import Publication, republish, what_the_hub_has
from training.settings import HubSettings


class RollbackError(TrainingError):
    """An older model cannot take the champion's place."""

    def __init__(self, tag: str, problem: str) -> None:
        super().__init__(
            f"{tag} cannot be rolled back to: {problem}. `bentoml models list {MODEL_NAME}` shows "
            "what is there; MODEL_TAG serves any of it without making it the champion"
        )


def roll_back(tag: bentoml.Tag, files: Files) -> bentoml.Model:
    """Register an older model anew, so that it is the newest, and make it the champion.

    Where an earlier rollback to it has done so, that is the one that is returned. Raises
    RollbackError where the store has no such model, or where it is no champion's.
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
    figures = dict(metadata.get("metrics", {}))
    accuracy = figures.pop("accuracy", None)
    if accuracy is None:
        raise RollbackError(str(tag), "its accuracy was never measured")
    best = ChampionRecord(
        accuracy=accuracy,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        model_tag=str(new_tag()),
        history=() if previous is None else previous.history,
        details={"origin": "rollback", "rolled_back_to": str(model.tag), **figures},
    )
    return promote(Path(model.path), best.with_history_entry("rollback"), files)


def _find(tag: bentoml.Tag) -> bentoml.Model | None:
    if tag.version in (None, "latest"):
        return None
    try:
        return find_model(tag)
    except bentoml.exceptions.BentoMLException as error:  # the store knows several that begin so
        raise RollbackError(str(tag), "it could be one of several") from error


def _is_copy(served: bentoml.Model, model: bentoml.Model, record: ChampionRecord | None) -> bool:
    """Tell whether what is served was made of that model by an earlier rollback."""
    if record is None or record.model_tag != str(served.tag):
        return False
    return record.details.get("rolled_back_to") == str(model.tag)


def main(arguments: list[str]) -> int:
    """Roll back to the model of a tag, and publish it if asked; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rollback", description="Serve an older model again."
    )
    parser.add_argument("tag", help="of a model of the Bento store, as in sentiment:VERSION")
    parser.add_argument(
        "--publish", action="store_true", help="publish it to HF_REPO_ID, where it once was, too"
    )
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        with run_lock(files := Files()):
            _roll_back(asked.tag, asked.publish, files)
    except (*EXPECTED, ModelTagError, RuntimeNameError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _roll_back(given: str, is_published: bool, files: Files) -> None:
    settings, tag = HubSettings.read(), _parsed(given)
    found = _find(tag)  # by the beginning of its version, too
    older = tag if found is None else found.tag
    publication = Publication.of(older, settings) if is_published else None
    model = roll_back(tag, files)
    told = f"Registered {given} again as {model.tag}; {serving_note(str(model.tag))}."
    print(told, flush=True)
    if publication is not None:
        print(f"Published: {republish(publication, model, files).url}")
    elif hub := what_the_hub_has(older, model, settings):
        print(hub)


def _parsed(given: str) -> bentoml.Tag:
    try:
        return bentoml.Tag.from_taglike(given if ":" in given else f"{MODEL_NAME}:{given}")
    except (ValueError, bentoml.exceptions.BentoMLException) as error:
        raise RollbackError(repr(given), "it is no tag") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
