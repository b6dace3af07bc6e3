"""What stands in the log: under which request, and few lines of what strangers cause at will."""

import logging
import time
from contextvars import ContextVar

from bentoml._internal.server import http_app

MOST_LINES = 20
PERIOD_S = 60.0
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID", default="unknown")


class OfRequest(logging.Filter):
    """Begin each line with the id of the request in whose course it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass."""
        record.msg = f"request {REQUEST_ID.get()}: {record.msg}"
        return True


_OF_REQUEST = OfRequest()  # a logger takes the same one only once


class Ration(logging.Filter):
    """Let so many lines pass in each period; the first of a later one tells how many did not."""

    def __init__(self) -> None:
        super().__init__()
        self._ends_s = 0.0
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line may pass."""
        now_s = time.monotonic()
        if now_s >= self._ends_s:
            if (dropped := self._count - MOST_LINES) > 0:
                record.msg = f"{record.msg} ({dropped} lines like this were left out before)"
            self._ends_s, self._count = now_s + PERIOD_S, 0
        self._count += 1
        return self._count <= MOST_LINES


def rationed(name: str) -> logging.Logger:
    """Return a logger for what strangers can cause at will."""
    logger = logging.getLogger(name)
    logger.addFilter(Ration())
    return logger


def name_requests() -> None:
    """Let BentoML tell, from now on, which request an exception belongs to."""
    http_app.logger.addFilter(_OF_REQUEST)
