"""A worker reacts to SIGHUP."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from process.supervision import on_sighup
from tests.support.server import eventually

SOON_S = 10


@pytest.fixture(name="handler", autouse=True)
def fixture_handler() -> Iterator[object]:
    """Restore the handler of SIGHUP."""
    before = signal.getsignal(signal.SIGHUP)
    yield before
    signal.signal(signal.SIGHUP, before)


def test_sighup_calls_the_action_and_does_not_end_the_process() -> None:
    calls: list[int] = []
    on_sighup(lambda: calls.append(1))

    os.kill(os.getpid(), signal.SIGHUP)

    eventually(lambda: [1] == calls, SOON_S)


def test_a_thread_other_than_the_main_one_leaves_the_handler_alone(handler: object) -> None:
    thread = threading.Thread(target=on_sighup, args=[lambda: None])

    thread.start()
    thread.join()

    assert handler == signal.getsignal(signal.SIGHUP)
