"""What stands in the log: no more than a few lines of what strangers can cause at will."""

import logging
import time

MOST_LINES = 20
PERIOD_S = 60.0


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
