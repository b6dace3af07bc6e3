"""Settings of the served model, from the environment or `.env`."""

import os
from pathlib import Path
from typing import Any, cast, get_args

import bentoml
from bentoml.exceptions import BentoMLConfigException, BentoMLException
from pydantic_settings import BaseSettings, SettingsConfigDict

from env_file.check import env_file_problem
from inference.runtime import RuntimeName

FROM_ENVIRONMENT = SettingsConfigDict(
    env_file=os.environ.get("ENV_FILE", ".env"), env_ignore_empty=True, extra="ignore", frozen=True
)


class EnvFileError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """A `.env` cannot be read; the message shows none of its content."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path} {problem}. {remedy}.")


def check_env_file(path: Path) -> None:
    """Check a `.env`, if there is one. Raises EnvFileError."""
    if (found := env_file_problem(path)) is not None:
        raise EnvFileError(path, *found)


class EnvironmentSettings(BaseSettings):
    """Settings from the environment and from a `.env`, which is checked first."""

    model_config = FROM_ENVIRONMENT

    def __init__(self, **values: Any) -> None:
        """Read and check all settings. Raises EnvFileError or ValidationError."""
        check_env_file(Path(str(values.get("_env_file", self.model_config.get("env_file")))))
        super().__init__(**values)


class ModelTagError(BentoMLConfigException):
    """MODEL_TAG is not a valid tag."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"MODEL_TAG = {value!r} is not a valid tag. Choose one of `bentoml models list`, or "
            "unset it to serve the newest model named 'sentiment'."
        )


class RuntimeNameError(BentoMLConfigException):
    """RUNTIME is unknown."""

    def __init__(self, value: str) -> None:
        choices = " or ".join(get_args(RuntimeName))
        super().__init__(f"RUNTIME = {value!r} is unknown. Choose {choices}.")


class ModelSettings(EnvironmentSettings):
    """Settings of the model, read once at start."""

    model_tag: str = "sentiment:latest"
    runtime: str = "openvino"

    @property
    def tag(self) -> bentoml.Tag:
        """Return the model's tag. Raises ModelTagError."""
        try:
            return bentoml.Tag.from_taglike(self.model_tag)
        except (ValueError, BentoMLException) as error:
            raise ModelTagError(self.model_tag) from error

    @property
    def chosen_runtime(self) -> RuntimeName:
        """Return the runtime's name. Raises RuntimeNameError."""
        if self.runtime not in get_args(RuntimeName):
            raise RuntimeNameError(self.runtime)
        return cast(RuntimeName, self.runtime)
