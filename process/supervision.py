"""Let workers end with the command that started them, and the command with a worker that failed.

A worker outlives a command that is killed (-9): it keeps the port and the spool, and nothing can
restart it. So each worker polls its parent's process id. Linux's parent-death signal is not used,
because it follows the thread that started the worker rather than the process.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

COMMAND_PID = "SENTIMENT_COMMAND_PID"
POLL_INTERVAL_S = 0.25
GRACE_PERIOD_S = 10.0
"""Time for open requests and the database writer once the command is gone."""

START_FAILED = signal.SIGUSR1
"""Sent by a worker to the command if the service cannot start."""

logger = logging.getLogger("bentoml.sentiment.command")


def register_command() -> None:
    """Pass this process's id on to its workers, and end with status 1 if one of them fails."""
    os.environ[COMMAND_PID] = str(os.getpid())
    signal.signal(START_FAILED, _exit_with_failure)


def stop_with_command() -> None:
    """Stop this worker, as SIGTERM does, soon after its command; do nothing without a command."""
    if command := command_pid():
        thread = threading.Thread(target=_watch, args=(command,), name="command", daemon=True)
        thread.start()


def on_sighup(action: Callable[[], None]) -> None:
    """Call ``action`` on SIGHUP instead of ending; only the main thread can set a handler."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: action())


def fail_start(error: Exception) -> NoReturn:
    """Log one line, then end this worker and its command with status 1.

    Raises ``error`` if no command started this process.
    """
    if not (command := command_pid()):
        raise error
    logger.error("the service cannot start: %s", error)
    if os.getppid() == command:
        os.kill(command, START_FAILED)
    logging.shutdown()
    os._exit(1)  # an exception would be logged twice, with its traceback


def command_pid() -> int:
    """Return the process id of the command that started this worker, 0 without a command."""
    return int(os.environ.get(COMMAND_PID, 0))


def _exit_with_failure(_signal: int, _frame: FrameType | None) -> None:
    logging.shutdown()
    os._exit(1)  # the other workers notice and stop


def _watch(command: int) -> None:
    while os.getppid() == command:
        time.sleep(POLL_INTERVAL_S)
    logger.error("the command that started this worker is gone: stopping")
    _stop_reloader(command)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_PERIOD_S)
    os._exit(1)  # recorded predictions are in the spool on disk


def _stop_reloader(command: int) -> None:
    """Stop the file watcher of ``bentoml serve --reload``, which does not watch its parent.

    It is a child of the same command that is neither this worker nor, as a rule, another one;
    workers stop by themselves and take a second SIGTERM calmly.
    """
    import psutil  # pylint: disable=import-outside-toplevel  # only needed here

    for process in psutil.process_iter():
        with suppress(psutil.Error):  # ended meanwhile, or another user's
            is_sibling = process.pid != os.getpid() and process.ppid() == os.getppid()
            if is_sibling and process.environ().get(COMMAND_PID) == str(command):
                process.terminate()
