"""What is trained, on what, and where it goes, as the environment or `.env` says."""

import logging
from typing import Annotated, Literal, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_settings import NoDecode

from inference.runtime import RuntimeName
from inference.settings import EnvironmentSettings
from training.data.dataset import DEFAULT_SOURCE, LABELS
from training.errors import TrainingError

logger = logging.getLogger(__name__)

DEFAULT_BASE_MODEL = "cardiffnlp/twitter-roberta-base-sentiment-latest"
DEFAULT_SEED = 42

NonEmpty = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
PromotionRule = Literal["better", "significant"]


def _outputs(listed: str) -> tuple[str, ...]:
    """Read the names of a model's outputs: each of ``LABELS`` once. Raises ValueError."""
    names = tuple(name.strip().lower() for name in listed.split(","))
    if sorted(names) != sorted(LABELS):
        raise ValueError(
            f"it has to name each of {', '.join(LABELS)} once, parted by commas, in the order of "
            f"the model's outputs, such as LABELS={','.join(LABELS)}"
        )
    return names


Outputs = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_outputs)]


class SettingError(TrainingError):
    """Tell that a variable of the environment has a value that cannot be used."""

    def __init__(self, name: str, value: object, problem: str) -> None:
        super().__init__(
            f"{name}={value!r} cannot be used: {problem}. Correct it in the environment or in "
            ".env (.env.example explains every variable)"
        )


class _OldNames(EnvironmentSettings):
    frozen_share: str | None = None


class LoginError(TrainingError):
    """The stored login of this machine is unusable."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the login on the Hugging Face Hub cannot be used: {reason}. Run `hf auth login` "
            "again, or set HF_TOKEN"
        )


class _Checked(EnvironmentSettings):
    """Settings whose errors name the variable."""

    @classmethod
    def read(cls) -> Self:
        """Read and check all settings; warn of each that has its old name.

        Raises EnvFileError, or SettingError naming the first bad variable.
        """
        if _OldNames().frozen_share is not None:
            logger.warning("FROZEN_SHARE is now FREEZE_RATIO: rename it")
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]).upper()
            value = "***" if name == "HF_TOKEN" else first["input"]
            raise SettingError(name, value, first["msg"]) from None  # whose text may show a token


class DataSettings(_Checked):
    """Which tweets a run learns from; a revision as in `HubSettings`."""

    dataset: NonEmpty = DEFAULT_SOURCE
    dataset_revision: NonEmpty | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = DEFAULT_SEED


class HubSettings(_Checked):
    """Where models come from on the Hugging Face Hub, and go to.

    A revision is a branch, tag or commit; None stands for the newest commit.
    """

    hf_repo_id: NonEmpty | None = None
    hf_token: SecretStr | None = None
    base_model: NonEmpty = DEFAULT_BASE_MODEL
    base_model_revision: NonEmpty | None = None
    labels: Outputs | None = None

    @property
    def token(self) -> str | None:
        """Return what opens private repositories and lets write: HF_TOKEN, else the login's.

        Raises LoginError.
        """
        given = "" if self.hf_token is None else self.hf_token.get_secret_value().strip()
        return given or _stored_token()

    @property
    def source(self) -> str:
        """Return what is fetched: the project's own repository on the Hub, else the base model."""
        return self.hf_repo_id or self.base_model

    @property
    def source_revision(self) -> str | None:
        """Return the revision to fetch of it, None for the newest commit."""
        return None if self.hf_repo_id else self.base_model_revision


class TrainingSettings(DataSettings, HubSettings):
    """All that a training run is told from outside; sizes and the batch count rows.

    What of the recipe is None is chosen by what suits the base model. Models are stored with what
    ``runtime`` needs, which `inference.store` reads for itself; here it is checked in time.
    """

    runtime: RuntimeName = "openvino"
    train_size: Annotated[int, Field(ge=1)] = 1000
    eval_size: Annotated[int, Field(ge=1)] = 200
    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    learning_rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    freeze_ratio: float | None = Field(
        None, ge=0, lt=1, validation_alias=AliasChoices("freeze_ratio", "frozen_share")
    )
    promotion: PromotionRule = "better"


def _stored_token() -> str | None:
    """Return the token of `hf auth login`, as transformers and datasets use it, or None.

    HF_HUB_DISABLE_IMPLICIT_TOKEN disables it. Raises LoginError.
    """
    # pylint: disable=import-outside-toplevel  # heavy, and rarely needed
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import OIDCError

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        return get_token()
    except (OSError, OIDCError) as error:
        raise LoginError(type(error).__name__) from error
