"""When to log in again after the database has refused the login.

A login's policy counts failed attempts, and locks the account after a few of them. So attempts are
minutes apart, those of all workers of a spool folder together: a file there says when the next one
is. Once the login is mended, `python -m db retry` deletes that file, and all workers try at once.
"""

import json
import random
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "login-refused"
FIRST_DELAY_S = 30.0
LONGEST_DELAY_S = 600.0
JITTER = (0.75, 1.25)  # so that services with spools of their own spread


@dataclass(frozen=True, slots=True)
class LoginBackoffState:
    """How often the login was refused in a row, and when the next attempt is, since 1970."""

    count: int
    next_s: float

    @classmethod
    def read(cls, folder: Path) -> "LoginBackoffState | None":
        """Return what the file in a spool folder says, None if there is none."""
        try:
            read = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(int(read["count"]), float(read["next_s"]))
        except (
            KeyError,
            OSError,
            TypeError,
            ValueError,
        ):  # damaged: try
            return None

    @property
    def remaining_s(self) -> float:
        """Return for how many seconds no attempt is made; none if the clock was set back since."""
        remaining_s = self.next_s - time.time()
        return max(0.0, remaining_s) if remaining_s <= LONGEST_DELAY_S * max(JITTER) else 0.0


class LoginBackoff:
    """The attempts of one worker, which shares the file with the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unwritten: LoginBackoffState | None = None  # if the file could not be written

    def may_try(self) -> bool:
        """Return whether this worker may log in now; if so, the others wait for the outcome."""
        known = self._known()
        if known is None:
            return True
        if known.remaining_s > 0:
            return False
        self._write(LoginBackoffState(known.count, time.time() + _delay_s(known.count + 1)))
        return True

    def refuse(self) -> None:
        """Note that the login was refused."""
        known = self._known()
        count = 1 if known is None else known.count + 1
        self._write(LoginBackoffState(count, time.time() + _delay_s(count)))

    def release(self) -> None:
        """Note that an attempt did not get as far as the login: the next one need not wait."""
        if (known := self._known()) is not None:
            self._write(LoginBackoffState(known.count, time.time()))

    def clear(self) -> None:
        """Have all workers try at once."""
        self._unwritten = None
        clear_login_backoff(self._folder)

    def _known(self) -> LoginBackoffState | None:
        return self._unwritten or LoginBackoffState.read(self._folder)

    def _write(self, refusals: LoginBackoffState) -> None:
        path = self._folder / FILE
        temporary = path.with_suffix(f".{random.getrandbits(64):x}")
        self._unwritten = None
        try:
            temporary.write_text(json.dumps(asdict(refusals)), encoding="utf-8")
            temporary.replace(path)
        except OSError:  # the disk is full, say
            self._unwritten = refusals
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def clear_login_backoff(folder: Path) -> bool:
    """Have all writers of a spool folder log in at once; return whether one was waiting to.

    Raises nothing: without the folder, nobody waits.
    """
    try:
        (folder / FILE).unlink()
    except OSError:
        return False
    return True


def _delay_s(count: int) -> float:
    delay_s: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(count - 1, 10))
    return delay_s * random.uniform(*JITTER)
