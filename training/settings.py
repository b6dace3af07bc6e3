"""Which model is fetched and trained on, as the environment or `.env` says."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from inference.settings import FROM_ENVIRONMENT

DEFAULT_BASE_MODEL = "cardiffnlp/twitter-roberta-base-sentiment-latest"


class DataSettings(BaseSettings):
    """Settings of what is trained on, as they stand; their readers check and default them."""

    model_config = FROM_ENVIRONMENT

    dataset: str = ""
    seed: str = ""


class HubSettings(BaseSettings):
    """Settings of the Hugging Face Hub, read once at start."""

    model_config = FROM_ENVIRONMENT

    hf_repo_id: str | None = None
    hf_token: SecretStr | None = None
    base_model: str = DEFAULT_BASE_MODEL

    @property
    def token(self) -> str | None:
        """Return what opens private repositories."""
        return None if self.hf_token is None else self.hf_token.get_secret_value()

    @property
    def source(self) -> str:
        """Return what is fetched: the project's own repository on the Hub, else the base model."""
        return self.hf_repo_id or self.base_model
