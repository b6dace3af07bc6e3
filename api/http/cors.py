"""Cross-origin requests: what pages of other origins may ask, and read of the answers.

BentoML's own CORS middleware stands behind the guard: it adds nothing to what the guard or the
protocol refuses. See the Fetch standard, "CORS protocol".
"""

from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response

from api.contract.errors import ApiError
from api.http.headers import Raw
from api.settings import ANY

METHODS = "GET, HEAD, POST"
REQUEST_HEADERS = "Authorization, Content-Type, X-API-Key, X-Request-Id"
EXPOSED_HEADERS = "Retry-After, X-Prediction-Id, X-Request-Id, X-Truncated"
MAX_AGE_S = 600  # for which a browser may remember the answer to a preflight request

ALLOW_ORIGIN = b"access-control-allow-origin"
EXPOSE = b"access-control-expose-headers"
VARY = b"vary"
OF_OTHERS = frozenset({ALLOW_ORIGIN, EXPOSE, b"access-control-allow-credentials"})


class Cors:
    """The origins whose pages may read answers; with none, nothing is added to any answer."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow these origins, as browsers write them, or all by ``*``."""
        self._origins = frozenset(origins)

    def __bool__(self) -> bool:
        return bool(self._origins)

    def complete(self, headers: Raw, origin: str) -> Raw:
        """Return an answer's headers with those that let pages of ``origin`` read it.

        BentoML's own, if its middleware is switched on too, are left out: none may come twice.
        """
        if not self:
            return headers
        kept = [header for header in headers if header[0] not in OF_OTHERS]
        kept.append((VARY, b"Origin"))
        if allowed := self._allowed(origin):
            kept += [(ALLOW_ORIGIN, allowed.encode("latin-1")), (EXPOSE, EXPOSED_HEADERS.encode())]
        return kept

    def preflight(self, method: str, headers: Headers) -> Response | None:
        """Answer a browser that asks what it may ask; None where it does not."""
        asked = headers.get("access-control-request-method")
        if not self or method != "OPTIONS" or asked is None or "origin" not in headers:
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
