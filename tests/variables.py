"""The variables of the environment that the project reads through its settings."""

from api.settings import GuardSettings
from db.settings import SetupSettings
from inference.settings import ModelSettings
from training.settings import TrainingSettings


def variables() -> set[str]:
    """Return their names."""
    return {
        name.upper()
        for settings in (GuardSettings, SetupSettings, ModelSettings, TrainingSettings)
        for name in settings.model_json_schema()["properties"]
    }
