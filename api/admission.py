"""How many texts may be worked on at once, and when it is worth to come again."""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

MAX_TEXTS_IN_FLIGHT = 256  # twice what 128 connections, or the largest batch, can ask at once
LONGEST_RETRY_AFTER_S = 60
REMEMBERED = 128


class Admission:
    """Count the texts in flight, and how fast they leave."""

    def __init__(self, most: int = MAX_TEXTS_IN_FLIGHT) -> None:
        """Allow ``most`` texts at once."""
        self.in_flight = 0
        self._most = most
        self._left: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)  # when, how many

    def has_room(self, texts: int) -> bool:
        """Tell whether so many more texts may come in."""
        return self.in_flight + texts <= self._most

    @contextmanager
    def working_on(self, texts: int) -> Iterator[None]:
        """Count texts in, and out again in the end."""
        if self.in_flight == 0:
            self._left.clear()  # an idle time says nothing of how fast they leave
        self.in_flight += texts
        try:
            yield
        finally:
            self.in_flight -= texts
            self._left.append((time.monotonic(), texts))

    def retry_after_s(self) -> int:
        """Return the whole seconds, at least 1, in which all that is in flight will have left."""
        if len(self._left) < 2:
            return 1
        took_s = self._left[-1][0] - self._left[0][0]
        texts = sum(count for _, count in self._left) - self._left[0][1]
        return max(1, min(LONGEST_RETRY_AFTER_S, math.ceil(self.in_flight * took_s / texts)))
