"""Cross-origin resource sharing (CORS), as the Fetch standard defines it.

BentoML's CORS middleware runs inside ours, so errors of ours would lack its headers.
"""

from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response

from api.contract.errors import ApiError
from api.http.headers import RawHeaders
from api.settings import ANY

METHODS = "GET, HEAD, POST"
REQUEST_HEADERS = "Authorization, Content-Type, X-API-Key, X-Request-Id"
EXPOSED_HEADERS = "Retry-After, X-Prediction-Id, X-Request-Id, X-Truncated"
MAX_AGE_S = 600  # for which browsers cache the response to a preflight request

ALLOW_ORIGIN = b"access-control-allow-origin"
EXPOSE = b"access-control-expose-headers"
VARY = b"vary"
REPLACED_HEADERS = frozenset({ALLOW_ORIGIN, EXPOSE, b"access-control-allow-credentials"})


class Cors:
    """The origins whose pages may read responses; CORS is off if there are none."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow these origins, as browsers write them; ``*`` allows all."""
        self._origins = frozenset(origins)

    def __bool__(self) -> bool:
        return bool(self._origins)

    def add_headers(self, headers: RawHeaders, origin: str) -> RawHeaders:
        """Return a response's headers with those for pages of ``origin``.

        Headers of BentoML's CORS middleware are removed: browsers reject duplicates.
        """
        if not self:
            return headers
        kept = [header for header in headers if header[0] not in REPLACED_HEADERS]
        kept.append((VARY, b"Origin"))
        if allowed := self._allowed(origin):
            kept += [(ALLOW_ORIGIN, allowed.encode("latin-1")), (EXPOSE, EXPOSED_HEADERS.encode())]
        return kept

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """Return the response to a preflight request, None for any other request."""
        requested = headers.get("access-control-request-method")
        if not self or method != "OPTIONS" or requested is None or "origin" not in headers:
            return None
        if not self._allowed(headers["origin"]):
            return ApiError(
                HTTPStatus.BAD_REQUEST, f"the origin {headers['origin'][:100]!r} is not allowed"
            ).to_response()
        allowed = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_S),
        }
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=allowed)

    def _allowed(self, origin: str) -> str:
        if ANY in self._origins:
            return ANY
        return origin if origin in self._origins else ""
