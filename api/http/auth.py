"""Authentication by API key."""

import hashlib
import hmac
from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers

from api.contract.errors import ApiError
from api.settings import ANY

HEALTH_PATHS = frozenset({"/livez", "/readyz", "/healthz"})  # orchestrators have no key
SCHEME = "bearer"


class ApiKeys:
    """The valid keys, and the paths that need none."""

    def __init__(self, keys: Sequence[str], public_paths: Sequence[str]) -> None:
        self._digests = [_digest(key) for key in keys]
        self._public = HEALTH_PATHS | {path for path in public_paths if not path.endswith(ANY)}
        self._prefixes = tuple(path.removesuffix(ANY) for path in public_paths if ANY in path)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def is_authorized(self, method: str, path: str, headers: Headers) -> bool:
        """Return whether a request may pass; OPTIONS needs no key, since browsers send none."""
        return (
            not self._digests
            or method == "OPTIONS"
            or path in self._public
            or path.startswith(self._prefixes)
            or any(self._is_valid(key) for key in _keys_in(headers))
        )

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raise ApiError 401 if a request needs a key and has none."""
        if not self.is_authorized(method, path, headers):
            raise ApiError(
                HTTPStatus.UNAUTHORIZED,
                "an API key is needed, as Authorization: Bearer KEY or X-API-Key: KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _is_valid(self, key: str) -> bool:
        """Compare with every key in constant time."""
        digest = _digest(key)
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("latin-1")).digest()  # as headers are decoded


def _keys_in(headers: Headers) -> list[str]:
    """Return the keys in ``Authorization: Bearer`` and ``X-API-Key``."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    found = [token.strip()] if scheme.lower() == SCHEME else []
    return [*found, *headers.getlist("x-api-key")[:1]]
