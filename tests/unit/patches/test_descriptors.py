"""A process may hold what its connections need, as far as the system lets it."""

import logging
import resource

import pytest

from patches import descriptors
from patches.descriptors import DESCRIPTORS, raise_file_limit


class Limits:
    """The `resource` module of a system that really gives no more than ``most``."""

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
        ((1024, 524288, 524288), DESCRIPTORS),
        ((1024, resource.RLIM_INFINITY, 1 << 20), DESCRIPTORS),
        ((256, resource.RLIM_INFINITY, 5000), 4096),
        ((256, resource.RLIM_INFINITY, 300), 256),
        ((256, 1000, 1000), 1000),
        ((100_000, 524288, 524288), 100_000),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1 << 20), resource.RLIM_INFINITY),
    ],
)
def test_the_limit_is_raised_as_far_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    given: tuple[int, int, int],
    expected: int,
) -> None:
    limits = Limits(*given)
    monkeypatch.setattr(descriptors, "resource", limits)

    with caplog.at_level(logging.WARNING, descriptors.logger.name):
        raise_file_limit()

    assert (expected, given[1]) == limits.limits
    assert (0 <= expected < DESCRIPTORS) == ("raise `ulimit -n`" in caplog.text)


def test_a_system_without_limits_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(descriptors, "resource", None)

    with caplog.at_level(logging.WARNING, descriptors.logger.name):
        raise_file_limit()

    assert "no limits of descriptors" in caplog.text
