"""Which model is served, as the environment or `.env` says."""

import os

from pydantic_settings import BaseSettings, SettingsConfigDict  # pydantic's own settings library


class ModelSettings(BaseSettings):
    """Settings of the model, read once at start."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"), extra="ignore", frozen=True
    )

    model_tag: str = "sentiment:latest"
