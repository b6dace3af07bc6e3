"""Schedule forward passes: one pass on all cores, or several side by side."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

NUM_STREAMS = 2
"""How many forward passes run side by side, each on its share of the cores."""


class StreamScheduler:
    """Share the cores among threads in equal streams, first come, first served.

    A pass that comes alone gets all streams; passes that come meanwhile wait until it ends.
    """

    def __init__(self, num_streams: int) -> None:
        """Share the cores among ``num_streams`` streams, at least 1."""
        self._num_streams = self._free = num_streams
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """Return the number of threads that wait."""
        return len(self._queue)

    @contextmanager
    def acquire(self, *, exclusive: bool) -> Iterator[bool]:
        """Wait for a stream; yield whether this pass has all of them.

        If ``exclusive``, wait until all streams are free; later passes then wait, too.
        """
        taken = self._wait(exclusive)
        try:
            yield taken == self._num_streams
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def _wait(self, exclusive: bool) -> int:
        me = object()

        def needed() -> int:
            is_alone = self._free == self._num_streams and len(self._queue) == 1
            return self._num_streams if exclusive or is_alone else 1

        with self._changed:
            self._queue.append(me)
            self._changed.wait_for(lambda: self._queue[0] is me and needed() <= self._free)
            taken = needed()
            self._queue.popleft()
            self._free -= taken
            self._changed.notify_all()
        return taken
