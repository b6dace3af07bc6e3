"""A check that costs something, for those who may ask at any rate."""

import threading
import time
from collections.abc import Callable


class CachedProbe:
    """The latest verdict of a check, which is carried out anew once that is ``max_age_s`` old.

    Several threads may ask. Those that come while it is carried out wait for its verdict.
    """

    def __init__(self, check: Callable[[], bool], max_age_s: float) -> None:
        self._check = check
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._verdict = False
        self._since_s = float("-inf")

    def __call__(self) -> bool:
        """Return the verdict, which was true at most ``max_age_s`` seconds ago."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._since_s >= self._max_age_s:
                self._since_s = float("-inf")  # if the check raises, it has no verdict
                self._verdict = self._check()
                self._since_s = now_s  # it may take long: its verdict is of when it began
            return self._verdict

    def mark_failed(self) -> None:
        """Let the verdict be negative from now on, since somebody has just seen that it is."""
        self._verdict, self._since_s = False, time.monotonic()
