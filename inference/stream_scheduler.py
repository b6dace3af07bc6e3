"""Whose turn it is to compute: a pass alone on all cores, or several passes side by side."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

LANES = 2
"""How many passes run side by side, each on its share of the cores."""


class Turns:
    """Give threads equal shares of the cores, the lanes: first come, first served.

    Who is alone gets all of them, and whoever comes meanwhile waits for the end of that.
    """

    def __init__(self, lanes: int) -> None:
        """Share the cores among ``lanes``, at least 1."""
        self._lanes = self._free = lanes
        self._line: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """Tell how many wait for their turn."""
        return len(self._line)

    @contextmanager
    def take(self, *, may_share: bool) -> Iterator[bool]:
        """Wait for a turn, and yield whether all lanes are taken by it.

        One that must not share them waits until all are free; so do those that come after it.
        """
        taken = self._wait(may_share)
        try:
            yield taken == self._lanes
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()

    def _wait(self, may_share: bool) -> int:
        me = object()

        def wanted() -> int:
            is_alone = self._free == self._lanes and len(self._line) == 1
            return 1 if may_share and not is_alone else self._lanes

        with self._changed:
            self._line.append(me)
            self._changed.wait_for(lambda: self._line[0] is me and wanted() <= self._free)
            taken = wanted()
            self._line.popleft()
            self._free -= taken
            self._changed.notify_all()
        return taken
