"""How many texts may be worked on at once, and when it is worth to come again."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_TEXTS_IN_FLIGHT = 256  # twice what 128 connections, or the largest batch, can ask at once
LONGEST_RETRY_AFTER_S = 60
BURST_S = 0.01  # within which the texts of one batch leave
REMEMBERED = 32  # bursts


class Admission:
    """Count the texts in flight, and how fast they leave."""

    def __init__(self, most: int = MAX_TEXTS_IN_FLIGHT) -> None:
        """Allow ``most`` texts at once."""
        self.in_flight = 0
        self._most = most
        # When bursts of texts left, and how many had by then, from the moment on at which the first
        # of them came in. Refusals are to be cheap, so nothing is summed.
        self._left: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._count = 0

    def has_room(self, texts: int) -> bool:
        """Tell whether so many more texts may come in."""
        return self.in_flight + texts <= self._most

    @contextmanager
    def working_on(self, texts: int) -> Iterator[Callable[[], None]]:
        """Count texts in, and out when what is yielded is called, at the latest in the end."""
        if self.in_flight == 0:  # an idle time says nothing of how fast they leave
            self._left.clear()
            self._left.append((time.monotonic(), self._count))
        self.in_flight += texts
        inside = texts

        def leave() -> None:
            nonlocal inside
            if inside:
                self._count_out(inside)
                inside = 0

        try:
            yield leave
        finally:
            leave()

    def retry_after_s(self) -> int:
        """Return the whole seconds, at least 1, in which all that is in flight will have left."""
        if not self._left:
            return 1
        since_s, before = self._left[0]
        elapsed_s = time.monotonic() - since_s
        left = self._count - before
        # Before the first has left, nothing is known but how long that takes already.
        needed_s = elapsed_s * (self.in_flight / left if left else 1)
        return max(1, min(LONGEST_RETRY_AFTER_S, math.ceil(needed_s)))

    def _count_out(self, texts: int) -> None:
        self.in_flight -= texts
        self._count += texts
        now_s = time.monotonic()
        latest_s = self._left[-1][0]
        if now_s - latest_s > BURST_S:
            self._left.append((now_s, self._count))
        elif len(self._left) > 1:  # the first is no burst, but the moment of coming in
            self._left[-1] = (latest_s, self._count)
