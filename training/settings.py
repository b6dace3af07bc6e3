"""Training settings from the environment or `.env`."""

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


def _parse_labels(listed: str) -> tuple[str, ...]:
    """Return the labels of a model's outputs: each of ``LABELS`` once. Raises ValueError."""
    names = tuple(name.strip().lower() for name in listed.split(","))
    if sorted(names) != sorted(LABELS):
        raise ValueError(
            f"it must name each of {', '.join(LABELS)} once, separated by commas, in the order of "
            f"the model's outputs, such as LABELS={','.join(LABELS)}"
        )
    return names


OutputLabels = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_labels)]


class SettingError(TrainingError):
    """An environment variable has an invalid value."""

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
        """Read and check all settings; warn of old names.

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
    """The dataset and the seed; ``dataset_revision`` as in `HubSettings`."""

    dataset: NonEmpty = DEFAULT_SOURCE
    dataset_revision: NonEmpty | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = DEFAULT_SEED


class HubSettings(_Checked):
    """The base model, and the repository on the Hugging Face Hub to publish to.

    A revision is a branch, tag or commit; None means the newest commit.
    """

    hf_repo_id: NonEmpty | None = None
    hf_token: SecretStr | None = None
    base_model: NonEmpty = DEFAULT_BASE_MODEL
    base_model_revision: NonEmpty | None = None
    labels: OutputLabels | None = None

    @property
    def token(self) -> str | None:
        """Return HF_TOKEN, or the token of `hf auth login` if it is not set.

        Raises LoginError.
        """
        given = "" if self.hf_token is None else self.hf_token.get_secret_value().strip()
        return given or _stored_token()

    @property
    def source(self) -> str:
        """Return the model to fetch: HF_REPO_ID, or the base model if it is not set."""
        return self.hf_repo_id or self.base_model

    @property
    def source_revision(self) -> str | None:
        """Return the revision of ``source`` to fetch, None for the newest commit."""
        return None if self.hf_repo_id else self.base_model_revision


class TrainingSettings(DataSettings, HubSettings):
    """All settings of a training run; sizes are numbers of rows.

    Hyperparameters that are None depend on the base model. ``runtime`` is validated here and used
    by `inference.store`.
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
