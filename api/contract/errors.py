"""Refusals in the one shape that every error of this service has."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse

RETRY_AFTER_S = 1


class RefusedError(Exception):
    """A request is refused with an HTTP status before it reaches an endpoint."""

    def __init__(
        self,
        status: int,
        error: str,
        detail: Sequence[Any] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.response = error_response(status, error, detail)
        self.response.headers.update(headers or {})


def error_response(status: int, error: str, detail: Sequence[Any] = ()) -> JSONResponse:
    """Build ``{"error": "...", "detail": [...]}``, the latter where there is any.

    429 and 503 carry ``Retry-After`` in seconds.
    """
    content: dict[str, Any] = {"error": error}
    if detail:
        content["detail"] = list(detail)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else None
    return JSONResponse(content, status, headers)
