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
        # When texts left, and how many had by then: refusals are to be cheap, so nothing is summed.
        self._left: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._count = 0

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
            self._count += texts
            self._left.append((time.monotonic(), self._count))

    def retry_after_s(self) -> int:
        """Return the whole seconds, at least 1, in which all that is in flight will have left."""
        if len(self._left) < 2:
            return 1
        (first_s, before), (last_s, after) = self._left[0], self._left[-1]
        needed_s = self.in_flight * (last_s - first_s) / (after - before)
        return max(1, min(LONGEST_RETRY_AFTER_S, math.ceil(needed_s)))
