"""Errors that clients receive: all of them are ``{"error": "...", "detail": [...]}``."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

RETRY_AFTER_S = 1
QUEUE_TIMEOUT_S = 10  # a request that waits longer for its turn is answered 503
CLIENT_CLOSED_REQUEST = 499  # nginx's status for such a client; for the metrics only


class ApiError(Exception):
    """An error response; raised to abort a request, returned as one result of a batch."""

    def __init__(
        self,
        status: int,
        error: str,
        detail: Sequence[Any] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.detail = detail
        self.headers = headers or {}

    def to_response(self) -> JSONResponse:
        """Return the response; 429 and 503 carry ``Retry-After`` in seconds."""
        content: dict[str, Any] = {"error": self.error}
        if self.detail:
            content["detail"] = list(self.detail)
        retry = {"Retry-After": str(RETRY_AFTER_S)} if self.status in (429, 503) else {}
        return JSONResponse(content, self.status, {**retry, **self.headers})


CLIENT_DISCONNECTED = ApiError(CLIENT_CLOSED_REQUEST, "the client has disconnected")
QUEUE_TIMEOUT = ApiError(
    HTTPStatus.SERVICE_UNAVAILABLE, f"the request waited longer than {QUEUE_TIMEOUT_S} s"
)
SHUTTING_DOWN = ApiError(
    HTTPStatus.SERVICE_UNAVAILABLE, "the service is shutting down: send the request again"
)
NOT_BATCHED = ApiError(
    HTTPStatus.SERVICE_UNAVAILABLE, "the request could not be batched: send it again"
)
CLASSIFICATION_FAILED = ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed on this text")
INTERNAL_ERROR = ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.INTERNAL_SERVER_ERROR.phrase)
