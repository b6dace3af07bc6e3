"""Admission control: how many texts may be in flight, and when a rejected client may retry."""

import asyncio
import math
import time
from collections import deque
from http import HTTPStatus

from api.contract.errors import ApiError
from api.http.metrics import rejected_requests

# Twice what 128 connections, or the largest batch, can send at once. Single texts and batches have
# this many places each.
MAX_TEXTS_IN_FLIGHT = 256
MAX_RETRY_AFTER_S = 60
BURST_S = 0.01  # texts of one batch finish within this time
REMEMBERED_BURSTS = 32


class Slot:
    """The place of one request's texts: in flight or queued. Released at the end of the context."""

    __slots__ = ("_admission", "admitted", "in_flight", "is_batch", "texts")

    def __init__(self, admission: "AdmissionControl", texts: int, is_batch: bool) -> None:
        self._admission = admission
        self.texts = texts
        self.is_batch = is_batch
        self.in_flight = False
        self.admitted: asyncio.Future[None] | None = None  # set while the request is queued

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Free the place; a second call does nothing."""
        self._admission.release(self)


class AdmissionControl:
    """Limit the texts in flight, and measure how fast they finish.

    A batch needs places for all its texts at once, which would never be free while single texts
    take each place as it becomes free. So batches have places of their own, and queue for them in
    order of arrival. Single texts leave half of their own places to batches that are present: the
    model alternates between both, so each waits twice as long.
    """

    def __init__(self, max_texts: int = MAX_TEXTS_IN_FLIGHT) -> None:
        """Allow ``max_texts`` single texts, as many texts in batches, and as many queued."""
        self._max_texts = max_texts
        self._single_texts = 0
        self._batch_texts = 0
        self._queued_texts = 0
        self._queue: deque[Slot] = deque()
        # (time, number of texts finished until then) of recent bursts; the first entry is the time
        # when the first text was admitted. Kept this way since rejections must be cheap.
        self._finished: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_BURSTS)
        self._finished_texts = 0
        self._rejected = rejected_requests()

    @property
    def texts_in_flight(self) -> int:
        """Return the number of texts in flight."""
        return self._single_texts + self._batch_texts

    @property
    def queued_texts(self) -> int:
        """Return the number of texts in queued batches."""
        return self._queued_texts

    def has_room(self, texts: int = 1, *, is_batch: bool = False) -> bool:
        """Return whether a request with this number of texts may start, or queue if a batch."""
        if is_batch:
            return self._can_start(texts) or self._queued_texts + texts <= self._max_texts
        left_to_batches = min(self._batch_texts + self._queued_texts, self._max_texts // 2)
        return self._single_texts + texts <= self._max_texts - left_to_batches

    def check_room(self, texts: int = 1, *, is_batch: bool = False) -> None:
        """Raise ApiError 429 if a request with this number of texts has no room."""
        if not self.has_room(texts, is_batch=is_batch):
            self._rejected.inc()
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many texts are waiting",
                headers={"Retry-After": str(self.retry_after_s())},
            )

    def acquire(self, texts: int = 1, *, is_batch: bool = False) -> Slot:
        """Admit a request with this number of texts, or queue it. Raises ApiError 429."""
        self.check_room(texts, is_batch=is_batch)
        slot = Slot(self, texts, is_batch)
        if is_batch and not self._can_start(texts):
            slot.admitted = asyncio.get_running_loop().create_future()
            self._queue.append(slot)
            self._queued_texts += texts
        else:
            self._start(slot)
        return slot

    def release(self, slot: Slot) -> None:
        """Free a slot, in flight or queued, and admit the batches that fit now."""
        if slot.in_flight:
            slot.in_flight = False
            self._finish(slot)
        elif slot in self._queue:
            self._queue.remove(slot)
            self._queued_texts -= slot.texts
        while self._queue and self._batch_texts + self._queue[0].texts <= self._max_texts:
            first = self._queue.popleft()
            self._queued_texts -= first.texts
            self._start(first)

    def retry_after_s(self) -> int:
        """Return the whole seconds, at least 1, until all admitted texts will have finished."""
        if not self._finished:
            return 1
        since_s, before = self._finished[0]
        elapsed_s = time.monotonic() - since_s
        finished = self._finished_texts - before
        # Until the first text finishes, only the time that it has taken so far is known.
        pending = self.texts_in_flight + self._queued_texts
        needed_s = elapsed_s * (pending / finished if finished else 1)
        return max(1, min(MAX_RETRY_AFTER_S, math.ceil(needed_s)))

    def _can_start(self, texts: int) -> bool:
        """Return whether a batch of this size need not queue."""
        return not self._queue and self._batch_texts + texts <= self._max_texts

    def _start(self, slot: Slot) -> None:
        if self.texts_in_flight == 0:  # idle time must not count as slow
            self._finished.clear()
            self._finished.append((time.monotonic(), self._finished_texts))
        self._count(slot, slot.texts)
        slot.in_flight = True
        if slot.admitted is not None and not slot.admitted.done():
            slot.admitted.set_result(None)

    def _count(self, slot: Slot, texts: int) -> None:
        if slot.is_batch:
            self._batch_texts += texts
        else:
            self._single_texts += texts

    def _finish(self, slot: Slot) -> None:
        self._count(slot, -slot.texts)
        self._finished_texts += slot.texts
        now_s = time.monotonic()
        latest_s = self._finished[-1][0]
        if now_s - latest_s > BURST_S:
            self._finished.append((now_s, self._finished_texts))
        elif len(self._finished) > 1:  # the first entry is the start, not a burst
            self._finished[-1] = (latest_s, self._finished_texts)
