"""Headers of every response."""

import re
from collections.abc import Iterable
from uuid import uuid4

RawHeaders = list[tuple[bytes, bytes]]

REQUEST_ID_HEADER = "X-Request-Id"
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    # What BentoML's Swagger UI needs, without the tag manager that it would load.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
RAW_SECURITY_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()
]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(given: str = "") -> str:
    """Return the client's request id if it is a short word, or a new one."""
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def add_common_headers(headers: Iterable[tuple[bytes, bytes]], id_of_request: str) -> RawHeaders:
    """Return a response's headers with ours, and without ``server``, which names a library.

    Names are in lower case, as in ASGI, so that no response pays for converting them.
    """
    kept = [header for header in headers if header[0] != b"server"]
    return [*kept, (b"x-request-id", id_of_request.encode()), *RAW_SECURITY_HEADERS]
