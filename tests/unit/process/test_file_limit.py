"""The limit of open files is raised to what the connections need."""

import logging
import resource

import pytest

from process import file_limit
from process.file_limit import raise_file_limit

MAX_CONNECTIONS = 4096
NEEDED = 8192


class Limits:
    """The `resource` module of a system that grants at most ``most``."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE
    RLIM_INFINITY = resource.RLIM_INFINITY

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.limits = (soft, hard)
        self._most = most

    def getrlimit(self, _kind: int) -> tuple[int, int]:
        """Return the limits."""
        return self.limits

    def setrlimit(self, _kind: int, limits: tuple[int, int]) -> None:
        """Set them. Raises ValueError, as macOS does."""
        if limits[0] > self._most:
            raise ValueError("current limit exceeds maximum limit")
        self.limits = limits


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1024, 524288, 524288), NEEDED),
        ((1024, resource.RLIM_INFINITY, 1 << 20), NEEDED),
        ((256, resource.RLIM_INFINITY, 5000), 4096),
        ((256, resource.RLIM_INFINITY, 300), 256),
        ((256, 1000, 1000), 1000),
        ((100_000, 524288, 524288), 100_000),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1 << 20), resource.RLIM_INFINITY),
    ],
)
def test_the_limit_is_raised_as_far_as_the_system_allows(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    given: tuple[int, int, int],
    expected: int,
) -> None:
    limits = Limits(*given)
    monkeypatch.setattr(file_limit, "resource", limits)

    with caplog.at_level(logging.WARNING, file_limit.logger.name):
        raise_file_limit(MAX_CONNECTIONS)

    assert (expected, given[1]) == limits.limits
    assert (0 <= expected < NEEDED) == ("raise `ulimit -n`" in caplog.text)


def test_a_system_without_limits_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file_limit, "resource", None)

    with caplog.at_level(logging.WARNING, file_limit.logger.name):
        raise_file_limit(MAX_CONNECTIONS)

    assert "cannot read the limit of open files" in caplog.text
