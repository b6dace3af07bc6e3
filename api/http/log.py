"""Log helpers: the id of the current request, and a rate limit for lines that clients cause."""

import logging
import time
from contextvars import ContextVar

MAX_LINES = 20
PERIOD_S = 60.0
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="unknown")


class LogRateLimitFilter(logging.Filter):
    """Pass MAX_LINES per PERIOD_S; the next line after a period says how many were dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._ends_s = 0.0
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line may pass."""
        now_s = time.monotonic()
        if now_s >= self._ends_s:
            if (dropped := self._count - MAX_LINES) > 0:
                record.msg = f"{record.msg} ({dropped} lines like this were dropped before)"
            self._ends_s, self._count = now_s + PERIOD_S, 0
        self._count += 1
        return self._count <= MAX_LINES


def rate_limited_logger(name: str) -> logging.Logger:
    """Return a logger for lines that any client can cause as often as it likes."""
    logger = logging.getLogger(name)
    logger.addFilter(LogRateLimitFilter())
    return logger
