"""Cache the result of an expensive check."""

import threading
import time
from collections.abc import Callable


class CachedProbe:
    """A check whose result is cached for ``max_age_s`` seconds.

    Thread-safe: threads that call it during a check wait for its result.
    """

    def __init__(self, check: Callable[[], bool], max_age_s: float) -> None:
        self._check = check
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._result = False
        self._checked_s = float("-inf")

    def __call__(self) -> bool:
        """Return the result, which is at most ``max_age_s`` seconds old."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._checked_s >= self._max_age_s:
                self._checked_s = float("-inf")  # if the check raises, nothing is cached
                self._result = self._check()
                self._checked_s = now_s  # the age counts from the start of the check
            return self._result

    def mark_failed(self) -> None:
        """Cache a failure that the caller has just seen."""
        self._result, self._checked_s = False, time.monotonic()
