"""Find and register models in the Bento store."""

import json
import shutil
from pathlib import Path
from typing import Any

import bentoml
from bentoml.exceptions import NotFound
from bentoml.models import BentoModel

from inference.model_folder import (
    GRAPH_FILE,
    GRAPH_WEIGHTS_FILE,
    METADATA_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ModelFolder,
)
from inference.runtime import check_runtime
from inference.settings import ModelSettings
from patches.model_store import created_model, set_latest

MODEL_NAME = "sentiment"
STARTER_ORIGIN = "starter"
# The files that OpenVINO needs.
SERVING_FILES = (
    "config.json",
    METADATA_FILE,
    GRAPH_WEIGHTS_FILE,
    GRAPH_FILE,
    TOKENIZER_FILE,
    "tokenizer_config.json",
)


def served_files() -> tuple[str, ...]:
    """Return the names of the files that serving needs, with the weights if RUNTIME=torch."""
    has_weights = ModelSettings().chosen_runtime == "torch"
    return (*SERVING_FILES, *[WEIGHTS_FILE] * has_weights)


class ModelNotFoundError(NotFound):  # BentoML's command line prints its own errors plainly
    """The Bento store has no model to serve."""

    def __init__(self, tag: bentoml.Tag) -> None:
        super().__init__(
            f"The Bento store has no model {str(tag)!r}. Run `make serve` to import the starter "
            "model, or `make model` to fetch a model from the Hugging Face Hub; "
            "`bentoml models list` shows all models."
        )


class SentimentModelRef(BentoModel):
    """The model that a checkout serves and that ``bentoml build`` packs."""

    @property  # pylint: disable-next=arguments-differ  # BentoML injects a store there
    def stored(self) -> bentoml.Model | None:
        """Return the model in the local store, or None."""
        return find_model(self.tag)

    def resolve(self, *args: Any, **kwargs: Any) -> bentoml.Model:
        """Return the model in the local store. Raises ModelNotFoundError."""
        if self.stored is None:
            raise ModelNotFoundError(self.tag)
        return super().resolve(*args, **kwargs)


def find_model(tag: bentoml.Tag) -> bentoml.Model | None:
    """Return the model of a tag, or None.

    Without a version, or with ``latest``, return the newest model of that name; the starter model
    is returned only if there is no other.
    """
    if tag.version in (None, "latest"):
        return max(list_models(tag.name), key=_rank, default=None)
    try:
        return bentoml.models.get(tag)
    except NotFound:
        return None


def list_models(name: str = MODEL_NAME) -> list[bentoml.Model]:
    """Return all models of a name."""
    try:
        return list(bentoml.models.list(name))
    except NotFound:
        return []


def _rank(model: bentoml.Model) -> tuple[bool, Any]:
    is_starter = model.info.metadata.get("origin") == STARTER_ORIGIN
    return not is_starter, model.info.creation_time


def new_tag() -> bentoml.Tag:
    """Return a new tag for a model that will be registered."""
    return bentoml.Tag(MODEL_NAME, None).make_new_version()


def register_model(folder: Path, tag: bentoml.Tag | None = None) -> bentoml.Model:
    """Copy the files that serving needs into the store, with the metadata of ``metadata.json``.

    After a kill, the store has the whole model or nothing of it. Raises ModelFolderError if a file
    of the model is missing, and FileNotFoundError if ``metadata.json`` is.
    """
    check_runtime(ModelSettings().chosen_runtime, ModelFolder.read(folder))
    metadata = stored_metadata(folder)
    tag = tag or new_tag()
    with created_model(tag, metadata) as destination:
        for name in served_files():
            shutil.copyfile(folder / name, destination / name)
    set_latest(tag)
    return bentoml.models.get(tag)


def stored_metadata(folder: Path) -> dict[str, Any]:
    """Return a model folder's metadata without None values, which the store does not keep."""
    metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
    return {key: value for key, value in metadata.items() if value is not None}
