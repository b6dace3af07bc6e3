"""Settings of the API: keys, public paths and CORS, from the environment or `.env`."""

import os
import re

from bentoml.exceptions import BentoMLConfigException
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ANY = "*"
# As browsers write an origin: in lower case, without a path or a default port.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
DEFAULT_PORT = re.compile(r"http:.*:80|https:.*:443")


class ApiSettingsError(BentoMLConfigException):  # BentoML's command line prints its own plainly
    """A setting is invalid."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable} {problem}. .env.example explains it.")


class ApiSettings(BaseSettings):
    """Settings of the API, read once at start."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    api_keys: SecretStr = SecretStr("")
    public_paths: str = ""
    cors_origins: str = ""

    def validate_all(self) -> None:
        """Raise ApiSettingsError if a setting is invalid."""
        _ = self.keys, self.paths, self.origins

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the API keys; without any, authentication is off.

        Raises ApiSettingsError, which does not show the key, if a header cannot carry it.
        """
        keys = _split(self.api_keys.get_secret_value())
        for position, key in enumerate(keys, 1):
            if not key.isascii() or not key.isprintable() or " " in key:
                raise ApiSettingsError(
                    "API_KEYS",
                    f"has a key, number {position}, with other characters than visible ASCII",
                )
        if not keys and self.api_keys.get_secret_value():
            raise ApiSettingsError("API_KEYS", "is set, but has no key")
        return keys

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths that need no key. Raises ApiSettingsError if one is invalid."""
        paths = _split(self.public_paths)
        for path in paths:
            if not path.startswith("/") or ANY in path.removesuffix(ANY):
                raise ApiSettingsError(
                    "PUBLIC_PATHS", f"has {path!r}, which does not start with / or has a * inside"
                )
        return paths

    @property
    def origins(self) -> tuple[str, ...]:
        """Return the origins whose pages may read responses, * for all; CORS is off if empty.

        Raises ApiSettingsError if browsers write an origin in another way.
        """
        origins = _split(self.cors_origins)
        for origin in origins:
            is_valid = ORIGIN.fullmatch(origin) and not DEFAULT_PORT.fullmatch(origin)
            if origin != ANY and not is_valid:
                raise ApiSettingsError(
                    "CORS_ORIGINS",
                    f"has {origin!r}: write an origin as browsers do, https://app.example.com",
                )
        if ANY in origins and len(origins) > 1:
            raise ApiSettingsError("CORS_ORIGINS", f"has {ANY} together with other origins")
        if not origins and self.cors_origins:
            raise ApiSettingsError("CORS_ORIGINS", "is set, but has no origin")
        return origins


def _split(listed: str) -> tuple[str, ...]:
    """Split at commas, without blank parts."""
    return tuple(part.strip() for part in listed.split(",") if part.strip())
