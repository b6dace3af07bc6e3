"""Headers that every answer has."""

import re
from uuid import uuid4

REQUEST_ID_HEADER = "X-Request-Id"
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(given: str = "") -> str:
    """Return the id that a client has given its request where it is a short word, or a new one."""
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
