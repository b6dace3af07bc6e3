"""Find the model to serve in the Bento store, and put models there."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer  # knows the store's place
from bentoml._internal.models import ModelStore
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

MODEL_NAME = "sentiment"
STARTER_ORIGIN = "starter"
# What serving by OpenVINO needs of a model folder.
SERVING_FILES = (
    "config.json",
    METADATA_FILE,
    GRAPH_WEIGHTS_FILE,
    GRAPH_FILE,
    TOKENIZER_FILE,
    "tokenizer_config.json",
)


def served_files() -> tuple[str, ...]:
    """Return the names of what serving needs of a model folder.

    That is without the trained weights, unless RUNTIME=torch.
    """
    has_weights = ModelSettings().chosen_runtime == "torch"
    return (*SERVING_FILES, *[WEIGHTS_FILE] * has_weights)


class ModelNotFoundError(NotFound):  # BentoML's command line prints its own errors plainly
    """The Bento store has no model to serve."""

    def __init__(self, tag: bentoml.Tag) -> None:
        super().__init__(
            f"The Bento store has no model {str(tag)!r}. `make serve` imports the starter model "
            "that ships with the repository where the store has none; `make model` fetches a "
            "model from the Hugging Face Hub; `bentoml models list` shows what is there."
        )


class StoredModel(BentoModel):
    """The model that is served from a checkout and packed by ``bentoml build``."""

    @property  # pylint: disable-next=arguments-differ  # BentoML injects a store there
    def stored(self) -> bentoml.Model | None:
        """Return the model in the local store, None where there is none."""
        return find(self.tag)

    def resolve(self, *args: Any, **kwargs: Any) -> bentoml.Model:
        """Return the model in the local store. Raises ModelNotFoundError."""
        if self.stored is None:
            raise ModelNotFoundError(self.tag)
        return super().resolve(*args, **kwargs)


def find(tag: bentoml.Tag) -> bentoml.Model | None:
    """Return the model of that tag, or None.

    Without a version, or with ``latest``, that is the newest model of the name; a starter
    model gives way to any other.
    """
    if tag.version in (None, "latest"):
        return max(list_models(tag.name), key=_rank, default=None)
    try:
        return bentoml.models.get(tag)
    except NotFound:
        return None


def list_models(name: str = MODEL_NAME) -> list[bentoml.Model]:
    """Return all models of a name; none where the store is empty."""
    try:
        return list(bentoml.models.list(name))
    except NotFound:
        return []


def _rank(model: bentoml.Model) -> tuple[bool, Any]:
    is_starter = model.info.metadata.get("origin") == STARTER_ORIGIN
    return not is_starter, model.info.creation_time


def new_tag() -> bentoml.Tag:
    """Return the tag of a model that is yet to be registered."""
    return bentoml.Tag(MODEL_NAME, None).make_new_version()


def register(folder: Path, tag: bentoml.Tag | None = None) -> bentoml.Model:
    """Copy what serving needs of a model folder into the store, with its ``metadata.json``.

    Raises ModelFolderError where a file of the model is missing, FileNotFoundError where that is.
    The model is in the store as a whole or not at all, whatever is killed meanwhile.
    """
    check_runtime(ModelSettings().chosen_runtime, ModelFolder.read(folder))
    metadata = stored_metadata(folder)
    tag = tag or new_tag()
    store = Path(BentoMLContainer.model_store_dir.get())
    # BentoML copies file by file, and lists half a model as a broken one, which ends everything
    # that lists. So it makes the model in a store of its own, which then moves at once.
    with TemporaryDirectory(dir=BentoMLContainer.tmp_bento_store_dir.get()) as scratch:
        with bentoml.models.create(
            tag, metadata=metadata, _model_store=ModelStore(scratch)
        ) as model:
            for name in served_files():
                shutil.copyfile(folder / name, model.path_of(name))
        destination = store / tag.path()
        destination.parent.mkdir(parents=True, exist_ok=True)
        (Path(scratch) / tag.path()).rename(destination)
    mark_newest(tag)
    return bentoml.models.get(tag)


def stored_metadata(folder: Path) -> dict[str, Any]:
    """Return a model folder's metadata as the store holds it, which knows no None."""
    metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
    return {key: value for key, value in metadata.items() if value is not None}


def mark_newest(tag: bentoml.Tag) -> None:
    """Have BentoML's own ``latest`` lead to a model, all at once."""
    path = Path(BentoMLContainer.model_store_dir.get()) / tag.latest_path()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(str(tag.version), encoding="utf-8")
    draft.replace(path)
