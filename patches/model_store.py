"""Write to BentoML's model store atomically."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bentoml
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore


@contextmanager
def created_model(tag: bentoml.Tag, metadata: dict[str, Any]) -> Iterator[Path]:
    """Yield an empty folder that becomes the model's in the store at the end.

    After a kill, the store has the whole model or nothing of it. BentoML copies file by file
    instead, and with half a model in the store it fails to list any. So the model is created in a
    temporary store and moved by one rename.
    """
    with TemporaryDirectory(dir=BentoMLContainer.tmp_bento_store_dir.get()) as scratch:
        with bentoml.models.create(
            tag, metadata=metadata, _model_store=ModelStore(scratch)
        ) as model:
            yield Path(model.path)
        destination = _store_path() / tag.path()
        destination.parent.mkdir(parents=True, exist_ok=True)
        (Path(scratch) / tag.path()).rename(destination)


def set_latest(tag: bentoml.Tag) -> None:
    """Point BentoML's ``latest`` to a model, atomically."""
    path = _store_path() / tag.latest_path()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(str(tag.version), encoding="utf-8")
    draft.replace(path)


def _store_path() -> Path:
    return Path(BentoMLContainer.model_store_dir.get())
