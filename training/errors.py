"""Errors that end a training command, with a remedy in their text."""

from inference.model_folder import ModelFolderError
from inference.packing import PackingError
from inference.settings import EnvFileError


class TrainingError(Exception):
    """The base class of the errors of training."""


EXPECTED = (TrainingError, EnvFileError, ModelFolderError, PackingError)
"""Errors that commands print without a traceback."""
