"""What stops a command of the training, in words that say what to do."""

from inference.model_folder import ModelFolderError
from inference.packing import PackingError
from inference.settings import EnvFileError


class TrainingError(Exception):
    """Tell people what went wrong, and what to do."""


EXPECTED = (TrainingError, EnvFileError, ModelFolderError, PackingError)
"""What a command prints without a traceback."""
