"""Names of the environment variables that the project reads."""

from typing import get_args

from pydantic import SecretStr

from api.settings import ApiSettings
from db.settings import SetupSettings
from inference.settings import ModelSettings
from training.settings import TrainingSettings

SETTINGS = (ApiSettings, SetupSettings, ModelSettings, TrainingSettings)


def setting_names() -> set[str]:
    """Return the names of all settings, in upper case."""
    return {name.upper() for settings in SETTINGS for name in settings.model_fields}


def secret_setting_names() -> set[str]:
    """Return the names of secrets."""
    return {
        name.upper()
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
    }
