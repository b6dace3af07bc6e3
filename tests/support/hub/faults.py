"""Faults of the stand-in, such as errors and broken connections."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Fault:
    """A fault of requests whose method and path match ``pattern``.

    ``times`` counts down to 0, the end of the fault; None means that it never ends.
    """

    pattern: str
    times: int | None = None
    status: int | None = None
    cut_after_bytes: int | None = None
    loses_answer: bool = False
    action: Callable[[], object] | None = None


class Faults:
    """The current faults, each for requests that match a pattern such as ``POST .*/commit/``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def fail(self, pattern: str, status: int = 500, times: int | None = None) -> None:
        """Answer with an error, and change nothing."""
        self._faults.append(Fault(pattern, times, status=status))

    def cut(self, pattern: str, after_bytes: int = 0, times: int | None = None) -> None:
        """Close the connection after this number of bytes of the body."""
        self._faults.append(Fault(pattern, times, cut_after_bytes=after_bytes))

    def lose_answer(self, pattern: str, times: int | None = 1) -> None:
        """Execute the request, but close the connection instead of answering."""
        self._faults.append(Fault(pattern, times, loses_answer=True))

    def before(self, pattern: str, action: Callable[[], object], times: int | None = 1) -> None:
        """Call a function after a request has arrived and before it is handled."""
        self._faults.append(Fault(pattern, times, action=action))

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def take(self, request: str) -> Fault:
        """Return the fault of the request ``METHOD /path``, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and re.match(fault.pattern, request):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return Fault("")
