"""The variables of the environment that the project reads through its settings."""

from typing import get_args

from pydantic import SecretStr

from api.settings import ApiSettings
from db.settings import SetupSettings
from inference.settings import ModelSettings
from training.settings import TrainingSettings

SETTINGS = (ApiSettings, SetupSettings, ModelSettings, TrainingSettings)


def variables() -> set[str]:
    """Return their names."""
    return {name.upper() for settings in SETTINGS for name in settings.model_fields}


def secret_variables() -> set[str]:
    """Return the names of those whose values nobody may see."""
    return {
        name.upper()
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
    }
