"""The pace of a slow network."""

import threading
import time


class Pace:
    """A limit on the bytes per second that all threads together may pass."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._free_s = 0.0  # when the line has passed what it was given

    def wait(self, size: int) -> None:
        """Return once that many bytes have passed."""
        with self._lock:
            self._free_s = max(self._free_s, time.monotonic()) + size / self._bytes_per_s
            free_s = self._free_s
        time.sleep(max(0.0, free_s - time.monotonic()))
