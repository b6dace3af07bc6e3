"""The throughput of a slow network."""

import threading
import time


class RateLimit:
    """A limit on the bytes per second of all threads together."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._free_s = 0.0  # when the network has passed all earlier bytes

    def wait(self, size: int) -> None:
        """Return after ``size`` bytes have passed."""
        with self._lock:
            self._free_s = max(self._free_s, time.monotonic()) + size / self._bytes_per_s
            free_s = self._free_s
        time.sleep(max(0.0, free_s - time.monotonic()))
