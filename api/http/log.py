"""What stands in the log: under which request, and few lines of what strangers cause at will."""

import logging
import time
from contextvars import ContextVar

from bentoml._internal.server import http_app

MAX_LINES = 20
PERIOD_S = 60.0
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="unknown")


class RequestIdFilter(logging.Filter):
    """Begin each line with the id of the request in whose course it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        record.msg = f"request {REQUEST_ID.get()}: {record.msg}"
        return True


_REQUEST_ID_FILTER = RequestIdFilter()  # a logger takes the same one only once


class LogRateLimitFilter(logging.Filter):
    """Let so many lines pass in each period; the first of a later one tells how many did not."""

    def __init__(self) -> None:
        super().__init__()
        self._ends_s = 0.0
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line may pass."""
        now_s = time.monotonic()
        if now_s >= self._ends_s:
            if (dropped := self._count - MAX_LINES) > 0:
                record.msg = f"{record.msg} ({dropped} lines like this were left out before)"
            self._ends_s, self._count = now_s + PERIOD_S, 0
        self._count += 1
        return self._count <= MAX_LINES


def rate_limited_logger(name: str) -> logging.Logger:
    """Return a logger for what strangers can cause at will."""
    logger = logging.getLogger(name)
    logger.addFilter(LogRateLimitFilter())
    return logger


def log_request_ids() -> None:
    """Let BentoML tell, from now on, which request an exception belongs to."""
    http_app.logger.addFilter(_REQUEST_ID_FILTER)
