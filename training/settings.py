"""Which model is fetched and trained on, as the environment or `.env` says."""

import os

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_BASE_MODEL = "cardiffnlp/twitter-roberta-base-sentiment-latest"


class HubSettings(BaseSettings):
    """Settings of the Hugging Face Hub, read once at start."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    hf_repo_id: str | None = None
    hf_token: SecretStr | None = None
    base_model: str = DEFAULT_BASE_MODEL

    @property
    def source(self) -> str:
        """Return what is fetched: the project's own repository on the Hub, else the base model."""
        return self.hf_repo_id or self.base_model
