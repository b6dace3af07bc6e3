"""What a worker does when it gets SIGHUP."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from api.command import on_sighup
from tests.support.server import eventually

SOON_S = 10


@pytest.fixture(name="handler", autouse=True)
def fixture_handler() -> Iterator[object]:
    """Restore the handler of SIGHUP."""
    before = signal.getsignal(signal.SIGHUP)
    yield before
    signal.signal(signal.SIGHUP, before)


def test_a_hangup_calls_the_action_and_ends_nothing() -> None:
    calls: list[int] = []
    on_sighup(lambda: calls.append(1))

    os.kill(os.getpid(), signal.SIGHUP)

    eventually(lambda: [1] == calls, SOON_S)


def test_a_thread_that_may_not_handle_signals_leaves_them_alone(handler: object) -> None:
    thread = threading.Thread(target=on_sighup, args=[lambda: None])

    thread.start()
    thread.join()

    assert handler == signal.getsignal(signal.SIGHUP)
