"""Serve an older model again: ``python -m training.rollback sentiment:VERSION [--publish]``."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bentoml

from inference.settings import ModelTagError, RuntimeNameError
from inference.store import MODEL_NAME, STARTER_ORIGIN, find_model, new_tag
from training.command import run_command
from training.errors import TrainingError
from training.files import Files
from training.lock import run_lock
from training.promotion.champion_record import ChampionRecord
from training.promotion.registry import (
    current_model,
    promote,
    recover_interrupted_promotion,
    serving_note,
)
from training.promotion.republish import Publication, hub_champion_note, republish
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
