"""Real servers to be measured, each with a Bento store and a spool of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.server import BENTOML, REPOSITORY, Server, put_into_store

RECORDED = "service:SentimentService"
UNRECORDED = "benchmarks.unrecorded:SentimentService"
STOP_DEADLINE_S = 60
PASSED_ON = ("HOME", "PATH", "LANG")


@contextmanager
def serving(target: str, model: Path, database_url: str, folder: Path) -> Iterator[Server]:
    """Serve a model folder by ``bentoml serve target`` until the context ends.

    At its end the server is asked to stop, so that it writes what is spooled. Raises
    AssertionError, with the server's log, where it does not start.
    """
    folder.mkdir()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "DATABASE_URL": database_url,
        "ENV_FILE": "",  # what is measured does not depend on the developer's own settings
        "SPOOL_DIR": str(folder / "spool"),
        "TEST_LOG_FOLDER": str(folder),
    }
    put_into_store(model, environment)
    with Server([BENTOML, "serve", target, "--port", "{port}"], REPOSITORY, environment) as server:
        yield server
        server.terminate(STOP_DEADLINE_S)


def cpu_s(server: Server) -> float:
    """Return the processor time that a server and all its workers have taken."""
    times = [process.cpu_times() for process in server.processes()]
    return float(sum(each.user + each.system for each in times))


def machine_cpu_s() -> float:
    """Return the processor time that anybody on this machine has taken."""
    times = psutil.cpu_times()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as users already
    return sum(times) - sum(getattr(times, name, 0) for name in idle)
