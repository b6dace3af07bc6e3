"""Give a Bento store that has no model to serve the starter model of the repository."""

import sys
from pathlib import Path

import bentoml

from inference.env_file import EnvFileError
from inference.model_folder import ModelFolderError
from inference.runtime import RuntimeNotInstalledError
from inference.settings import ModelSettings, ModelTagError, RuntimeNameError
from inference.store import (
    MODEL_NAME,
    STARTER_ORIGIN,
    find,
    register,
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
    """Register the starter model where the store has none of the wanted name.

    The same if its only model is a starter of an earlier version, or without what the runtime
    needs. Returns the new model, or None where nothing was to do: another model is there, or the
    wanted tag is a certain version, which no starter could stand in for.
    """
    if wanted.name != MODEL_NAME or wanted.version not in (None, "latest"):
        return None
    found = find(wanted)
    if found is not None and not _is_outdated_starter(found):
        return None
    return register(STARTER_FOLDER)


def _is_outdated_starter(model: bentoml.Model) -> bool:
    metadata = model.info.metadata
    if metadata.get("origin") != STARTER_ORIGIN:
        return False
    is_complete = all((Path(model.path) / name).is_file() for name in served_files())
    return not is_complete or metadata != stored_metadata(STARTER_FOLDER)


def main() -> int:
    """Import the starter model where it is needed, and say so; return the exit status."""
    try:
        imported = import_starter_if_needed(ModelSettings().tag)
    except EXPECTED as error:
        print(error, file=sys.stderr)
        return 1
    if imported is not None:
        print(
            f"The Bento store had no {MODEL_NAME!r} to serve: imported the starter model as "
            f"{imported.tag}. It is small and made for first steps; any other model replaces it."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
