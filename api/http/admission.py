"""How many texts may be worked on at once, and when it is worth to come again."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# Twice what 128 connections, or the largest batch, can ask at once; for single texts and for those
# of batches each.
MAX_TEXTS_IN_FLIGHT = 256
LONGEST_RETRY_AFTER_S = 60
BURST_S = 0.01  # within which the texts of one batch leave
REMEMBERED = 32  # bursts


class Place:
    """The place of a request's texts: in flight, or in line for that."""

    __slots__ = ("_admission", "entered", "is_batch", "is_in_flight", "texts")

    def __init__(self, admission: "Admission", texts: int, is_batch: bool) -> None:
        self._admission = admission
        self.texts = texts
        self.is_batch = is_batch
        self.is_in_flight = False
        self.entered: asyncio.Future[None] | None = None  # of a place in line

    def leave(self) -> None:
        """Give the place back, once, whether it is in flight or in line."""
        self._admission.give_back(self)


class Admission:
    """Count the texts in flight, and how fast they leave.

    A batch needs the places of all its texts at once. While others take each place as it becomes
    free, there would never be enough. So batches have places of their own, and wait in line for
    them in the order in which they came. Single texts leave half of their own places to batches
    that are there, since the model takes turns between both, so that each waits twice as long.
    """

    def __init__(self, most: int = MAX_TEXTS_IN_FLIGHT) -> None:
        """Allow ``most`` single texts, as many in batches, and as many in line, at once."""
        self._most = most
        self._single = 0  # texts in flight, as are the next
        self._batched = 0
        self._in_line = 0
        self._line: deque[Place] = deque()
        # When bursts of texts left, and how many had by then, from the moment on at which the first
        # of them came in. Refusals are to be cheap, so nothing is summed.
        self._left: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._count = 0

    @property
    def in_flight(self) -> int:
        """Return how many texts are being worked on."""
        return self._single + self._batched

    @property
    def in_line(self) -> int:
        """Return how many texts wait to come in."""
        return self._in_line

    def has_room(self, texts: int) -> bool:
        """Return whether this number of single texts may come in."""
        left_to_batches = min(self._batched + self._in_line, self._most // 2)
        return self._single + texts <= self._most - left_to_batches

    def has_room_in_line(self, texts: int) -> bool:
        """Return whether a batch of this size may come in or wait for that."""
        return self._may_come_in(texts) or self._in_line + texts <= self._most

    @contextmanager
    def working_on(self, texts: int, *, is_batch: bool = False) -> Iterator[Place]:
        """Count texts in, a batch perhaps in line first, and out in the end at the latest."""
        place = Place(self, texts, is_batch)
        if is_batch and not self._may_come_in(texts):
            place.entered = asyncio.get_running_loop().create_future()
            self._line.append(place)
            self._in_line += texts
        else:
            self._let_in(place)
        try:
            yield place
        finally:
            place.leave()

    def give_back(self, place: Place) -> None:
        """Count a place's texts out, which is done but once."""
        if place.is_in_flight:
            place.is_in_flight = False
            self._count_out(place)
        elif place in self._line:
            self._line.remove(place)
            self._in_line -= place.texts
        while self._line and self._batched + self._line[0].texts <= self._most:
            first = self._line.popleft()
            self._in_line -= first.texts
            self._let_in(first)

    def retry_after_s(self) -> int:
        """Return the whole seconds, at least 1, in which all that was let in will have left."""
        if not self._left:
            return 1
        since_s, before = self._left[0]
        elapsed_s = time.monotonic() - since_s
        left = self._count - before
        # Before the first has left, nothing is known but how long that takes already.
        needed_s = elapsed_s * ((self.in_flight + self._in_line) / left if left else 1)
        return max(1, min(LONGEST_RETRY_AFTER_S, math.ceil(needed_s)))

    def _may_come_in(self, texts: int) -> bool:
        """Return whether a batch of this size need not wait."""
        return not self._line and self._batched + texts <= self._most

    def _let_in(self, place: Place) -> None:
        if self.in_flight == 0:  # an idle time says nothing of how fast they leave
            self._left.clear()
            self._left.append((time.monotonic(), self._count))
        self._add(place, place.texts)
        place.is_in_flight = True
        if place.entered is not None and not place.entered.done():
            place.entered.set_result(None)

    def _add(self, place: Place, texts: int) -> None:
        if place.is_batch:
            self._batched += texts
        else:
            self._single += texts

    def _count_out(self, place: Place) -> None:
        self._add(place, -place.texts)
        self._count += place.texts
        now_s = time.monotonic()
        latest_s = self._left[-1][0]
        if now_s - latest_s > BURST_S:
            self._left.append((now_s, self._count))
        elif len(self._left) > 1:  # the first is no burst, but the moment of coming in
            self._left[-1] = (latest_s, self._count)
