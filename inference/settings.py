"""Which model is served, as the environment or `.env` says."""

import os
from pathlib import Path
from typing import Any, cast, get_args

import bentoml
from bentoml.exceptions import BentoMLConfigException, BentoMLException
from pydantic_settings import BaseSettings, SettingsConfigDict

from inference.env_file import check_env_file
from inference.runtime import RuntimeName

FROM_ENVIRONMENT = SettingsConfigDict(
    env_file=os.environ.get("ENV_FILE", ".env"), env_ignore_empty=True, extra="ignore", frozen=True
)


class EnvironmentSettings(BaseSettings):
    """Settings of the environment and of a `.env` that is checked first."""

    model_config = FROM_ENVIRONMENT

    def __init__(self, **values: Any) -> None:
        """Read and check all settings. Raises EnvFileError or ValidationError."""
        check_env_file(Path(str(values.get("_env_file", self.model_config.get("env_file")))))
        super().__init__(**values)


class ModelTagError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """MODEL_TAG is no tag of the Bento store."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"MODEL_TAG = {value!r} is no tag. `bentoml models list` shows the tags that are "
            "there; unset, the newest model named 'sentiment' is served."
        )


class RuntimeNameError(BentoMLConfigException):
    """RUNTIME is none of those that there are."""

    def __init__(self, value: str) -> None:
        choices = " and ".join(get_args(RuntimeName))
        super().__init__(f"RUNTIME = {value!r} is no runtime. There are {choices}.")


class ModelSettings(EnvironmentSettings):
    """Settings of the model, read once at start."""

    model_tag: str = "sentiment:latest"
    runtime: str = "openvino"

    @property
    def tag(self) -> bentoml.Tag:
        """Return the model's tag. Raises ModelTagError where it is none."""
        try:
            return bentoml.Tag.from_taglike(self.model_tag)
        except (ValueError, BentoMLException) as error:
            raise ModelTagError(self.model_tag) from error

    @property
    def chosen_runtime(self) -> RuntimeName:
        """Return what executes the model. Raises RuntimeNameError where there is no such."""
        if self.runtime not in get_args(RuntimeName):
            raise RuntimeNameError(self.runtime)
        return cast(RuntimeName, self.runtime)
