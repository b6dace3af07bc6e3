"""Whether a request may come in, as far as its head and the number of its texts tell."""

from http import HTTPStatus

from starlette.datastructures import Headers

from api.contract.errors import RefusedError
from api.contract.requests import BATCH_PATH
from api.http.admission import Admission
from api.http.auth import ApiKeys
from api.http.cors import Cors
from api.http.metrics import refusals

STATE = "sentiment.gate"
"""Where the servers of this process find the gate: in the state of their lifespan."""


class Gate:
    """The keys, the room that is left, and the origins whose pages may read what is refused."""

    def __init__(self, keys: ApiKeys, admission: Admission, cors: Cors) -> None:
        self.admission = admission
        self.cors = cors
        self._keys = keys
        self._refusals = refusals()

    def admits(self, method: str, path: str, headers: Headers) -> bool:
        """Tell whether a request has a key, or needs none."""
        return self._keys.admit(method, path, headers)

    def check_key(self, method: str, path: str, headers: Headers) -> None:
        """Raise RefusedError where a request needs a key and has none."""
        if not self.admits(method, path, headers):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "an API key is needed, as Authorization: Bearer KEY or X-API-Key: KEY",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def has_room(self, path: str, texts: int = 1) -> bool:
        """Return whether this number of texts may come in by this path, or wait for that."""
        if path == BATCH_PATH:
            return self.admission.has_room_in_line(texts)
        return self.admission.has_room(texts)

    def check_room(self, path: str, texts: int = 1) -> None:
        """Raise RefusedError where there is no room for so many texts more."""
        if not self.has_room(path, texts):
            self._refusals.inc()
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many texts are waiting",
                headers={"Retry-After": str(self.admission.retry_after_s())},
            )
