"""The command that started this worker, and that restarts and ends it.

A worker outlives a command that is killed (-9), and then goes on holding port and spool, though
nobody can end or restart it any more. So it watches its command: by asking for its parent's id,
since a parent-death signal exists on Linux alone, and follows the thread that started the worker.
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
POLL_S = 0.25
GRACE_S = 10.0
"""How long open requests and the writer may take once the command is gone."""

RELOADER = "bentoml._internal.utils.circus.watchfilesplugin.ServiceReloaderPlugin"

FAILED = signal.SIGUSR1
"""By this a worker tells the command that the service cannot start."""

logger = logging.getLogger("bentoml.sentiment.command")


def register_command() -> None:
    """Let the workers that this process starts know it, and end once one of them cannot start."""
    os.environ[COMMAND_PID] = str(os.getpid())
    signal.signal(FAILED, _end_with_failure)


def stop_with_command() -> None:
    """End this worker, as SIGTERM would, soon after its command; in-process services have none."""
    if command := _command():
        watch = threading.Thread(target=_watch, args=(command,), name="command", daemon=True)
        watch.start()


def on_sighup(action: Callable[[], None]) -> None:
    """Have SIGHUP call this, and not end this worker; only a process's main thread may say so."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda *_: action())


def fail_start(error: Exception) -> NoReturn:
    """Log one line, and end this worker and its command, with status 1.

    Raises the error itself if there is no command.
    """
    if not (command := _command()):
        raise error
    logger.error("the service cannot start: %s", error)
    if os.getppid() == command:
        os.kill(command, FAILED)
    logging.shutdown()
    os._exit(1)  # an exception would be logged twice, with its traceback


def _command() -> int:
    return int(os.environ.get(COMMAND_PID, 0))


def _end_with_failure(_signal: int, _frame: FrameType | None) -> None:
    logging.shutdown()
    os._exit(1)  # the other workers end by themselves


def _watch(command: int) -> None:
    while os.getppid() == command:
        time.sleep(POLL_S)
    logger.error("the command that started this worker is gone: it ends")
    _end_reloader(command)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)  # what was answered is spooled, and waits on the disk


def _end_reloader(command: int) -> None:
    """End what ``bentoml serve --reload`` started besides workers: it watches no parent."""
    import psutil  # pylint: disable=import-outside-toplevel  # needed at the end alone

    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended, or is another user's
            is_reloader = RELOADER in process.cmdline() and process.ppid() == os.getppid()
            if is_reloader and process.environ().get(COMMAND_PID) == str(command):
                process.terminate()
