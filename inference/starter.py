"""Import the starter model if the Bento store has no model to serve."""

import sys
from pathlib import Path

import bentoml

from inference.model_folder import ModelFolderError
from inference.runtime import RuntimeNotInstalledError
from inference.settings import EnvFileError, ModelSettings, ModelTagError, RuntimeNameError
from inference.store import (
    MODEL_NAME,
    STARTER_ORIGIN,
    find_model,
    register_model,
    served_files,
    stored_metadata,
)

STARTER_FOLDER = Path(__file__).parent.parent / "models" / "starter"
EXPECTED = (
    EnvFileError,
    ModelFolderError,
    ModelTagError,
    RuntimeNameError,
    RuntimeNotInstalledError,
)


def import_starter_if_needed(wanted: bentoml.Tag) -> bentoml.Model | None:
    """Register the starter model if the store has no model of the wanted name.

    The same applies if its only model is a starter of an earlier version, or lacks files that the
    runtime needs. Returns the new model, or None if another model can be served or the wanted tag
    names a version.
    """
    if wanted.name != MODEL_NAME or wanted.version not in (None, "latest"):
        return None
    found = find_model(wanted)
    if found is not None and not _is_outdated_starter(found):
        return None
    return register_model(STARTER_FOLDER)


def _is_outdated_starter(model: bentoml.Model) -> bool:
    metadata = model.info.metadata
    if metadata.get("origin") != STARTER_ORIGIN:
        return False
    is_complete = all((Path(model.path) / name).is_file() for name in served_files())
    return not is_complete or metadata != stored_metadata(STARTER_FOLDER)


def main() -> int:
    """Import the starter model if needed, and print that; return the exit status."""
    try:
        imported = import_starter_if_needed(ModelSettings().tag)
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    if imported is not None:
        print(
            f"The Bento store has no model {MODEL_NAME!r}: imported the starter model as "
            f"{imported.tag}. It is small and meant for first steps; any other model replaces it."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
