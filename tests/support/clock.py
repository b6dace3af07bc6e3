"""A clock that stands still until a test moves it."""


class Clock:
    """Stands in for the module `time`; ``now_s`` is what both of its clocks show."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self.now_s

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.now_s
