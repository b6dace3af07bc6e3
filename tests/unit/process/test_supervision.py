"""A worker reacts to SIGHUP."""

import signal
import threading

from process.supervision import on_sighup
from tests.support.server import REPOSITORY, run_python

# A process of its own: OpenVINO 2026.4.1 leaves processes that have freed several models with an
# alternate signal stack that is freed too, on which any signal handler crashes.
SIGHUP_TO_ITSELF = """
import os, signal
from process.supervision import on_sighup
on_sighup(lambda: print("called"))
os.kill(os.getpid(), signal.SIGHUP)
"""


def test_sighup_calls_the_action_and_does_not_end_the_process() -> None:
    assert "called\n" == run_python(["-c", SIGHUP_TO_ITSELF], {"PYTHONPATH": str(REPOSITORY)})


def test_a_thread_other_than_the_main_one_leaves_the_handler_alone() -> None:
    before = signal.getsignal(signal.SIGHUP)
    thread = threading.Thread(target=on_sighup, args=[lambda: None])

    thread.start()
    thread.join()

    assert before == signal.getsignal(signal.SIGHUP)
