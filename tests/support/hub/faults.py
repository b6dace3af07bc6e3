"""What the stand-in does wrong, and how often."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Fault:
    """Hold one thing that goes wrong with requests whose method and path match.

    ``times`` counts down to 0 where it is over; None never ends.
    """

    pattern: str
    times: int | None = None
    status: int | None = None
    cut_after_bytes: int | None = None
    loses_answer: bool = False
    happening: Callable[[], object] | None = None


class Faults:
    """Collect faults, each for the requests that a pattern finds, such as ``POST .*/commit/``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def fail(self, pattern: str, status: int = 500, times: int | None = None) -> None:
        """Answer with an error, having done nothing."""
        self._faults.append(Fault(pattern, times, status=status))

    def cut(self, pattern: str, after_bytes: int = 0, times: int | None = None) -> None:
        """Close the connection once so many bytes of the body have arrived."""
        self._faults.append(Fault(pattern, times, cut_after_bytes=after_bytes))

    def lose_answer(self, pattern: str, times: int | None = 1) -> None:
        """Do what is asked, and close the connection instead of answering."""
        self._faults.append(Fault(pattern, times, loses_answer=True))

    def before(self, pattern: str, happening: Callable[[], object], times: int | None = 1) -> None:
        """Let something happen between the arrival of a request and its handling."""
        self._faults.append(Fault(pattern, times, happening=happening))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()

    def take(self, request: str) -> Fault:
        """Return what goes wrong with the request ``METHOD /path``, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.times != 0 and re.match(fault.pattern, request):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return Fault("")
