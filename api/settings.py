"""Who may call, as the environment or `.env` says."""

import os

from bentoml.exceptions import BentoMLConfigException
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ANY = "*"


class GuardSettingsError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """A variable of the environment has a value that nothing can be done with."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable} {problem}. .env.example explains it.")


class GuardSettings(BaseSettings):
    """Settings of the guard, read once at start."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    api_keys: SecretStr = SecretStr("")
    public_paths: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys, none where everybody may call.

        Raises GuardSettingsError, without the key, where one could not be sent in a header.
        """
        keys = _parts(self.api_keys.get_secret_value())
        for position, key in enumerate(keys, 1):
            if not key.isascii() or not key.isprintable() or " " in key:
                raise GuardSettingsError(
                    "API_KEYS", f"has a key, number {position}, that is not of visible ASCII alone"
                )
        if not keys and self.api_keys.get_secret_value():
            raise GuardSettingsError("API_KEYS", "is set, but has no key")
        return keys

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths that need no key; raises GuardSettingsError where one is none."""
        paths = _parts(self.public_paths)
        for path in paths:
            if not path.startswith("/") or ANY in path.removesuffix(ANY):
                raise GuardSettingsError(
                    "PUBLIC_PATHS", f"has {path!r}, which does not start with / or has a * inside"
                )
        return paths


def _parts(listed: str) -> tuple[str, ...]:
    """Return what commas part, blank parts left out."""
    return tuple(part.strip() for part in listed.split(",") if part.strip())
