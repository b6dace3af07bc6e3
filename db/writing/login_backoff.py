"""Delay logins after the database has refused one, together for all workers of a spool folder.

Many failed logins lock an account, so retries are minutes apart. A file in the spool folder says
when the next one is. `python -m db retry` deletes it: then all workers retry at once.
"""

import json
import random
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "login-refused"
FIRST_DELAY_S = 30.0
MAX_DELAY_S = 600.0
JITTER = (0.75, 1.25)  # so that services with different spools do not retry at the same time


@dataclass(frozen=True, slots=True)
class LoginBackoffState:
    """How many logins in a row were refused, and when the next attempt is, in s since 1970."""

    count: int
    next_s: float

    @classmethod
    def read(cls, folder: Path) -> "LoginBackoffState | None":
        """Read the file in a spool folder; return None if it is missing or damaged."""
        try:
            read = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(int(read["count"]), float(read["next_s"]))
        except (KeyError, OSError, TypeError, ValueError):
            return None

    @property
    def remaining_s(self) -> float:
        """Return the seconds until the next attempt; 0 if the clock was set back since."""
        remaining_s = self.next_s - time.time()
        return max(0.0, remaining_s) if remaining_s <= MAX_DELAY_S * max(JITTER) else 0.0


class LoginBackoff:
    """The back-off as one worker sees it, which shares the file with the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unwritten: LoginBackoffState | None = None  # if the file could not be written

    def may_try(self) -> bool:
        """Return whether this worker may log in now; if so, the others wait for the result."""
        state = self._state()
        if state is None:
            return True
        if state.remaining_s > 0:
            return False
        self._write(LoginBackoffState(state.count, time.time() + _delay_s(state.count + 1)))
        return True

    def refuse(self) -> None:
        """Record a refused login, and increase the delay."""
        state = self._state()
        count = 1 if state is None else state.count + 1
        self._write(LoginBackoffState(count, time.time() + _delay_s(count)))

    def release(self) -> None:
        """Record an attempt that failed before the login: the next one may follow at once."""
        if (state := self._state()) is not None:
            self._write(LoginBackoffState(state.count, time.time()))

    def clear(self) -> None:
        """End the back-off: all workers log in at once."""
        self._unwritten = None
        clear_login_backoff(self._folder)

    def _state(self) -> LoginBackoffState | None:
        return self._unwritten or LoginBackoffState.read(self._folder)

    def _write(self, state: LoginBackoffState) -> None:
        path = self._folder / FILE
        temporary = path.with_suffix(f".{random.getrandbits(64):x}")
        self._unwritten = None
        try:
            temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
            temporary.replace(path)
        except OSError:  # such as a full disk
            self._unwritten = state
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def clear_login_backoff(folder: Path) -> bool:
    """End the back-off of all workers of a spool folder; return whether there was one.

    Never raises.
    """
    try:
        (folder / FILE).unlink()
    except OSError:
        return False
    return True


def _delay_s(count: int) -> float:
    delay_s: float = min(MAX_DELAY_S, FIRST_DELAY_S * 2 ** min(count - 1, 10))
    return delay_s * random.uniform(*JITTER)
