"""Real servers to be measured, each with a Bento store and a spool of its own."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.database import sqlite_url
from tests.support.server import BENTOML, REPOSITORY, Server, put_into_store

RECORDED = "service:SentimentService"
EMPTY = "benchmarks.bentoml_noop:EmptyService"
UNRECORDED = "benchmarks.unrecorded:SentimentService"
STOP_DEADLINE_S = 60
PEERS = REPOSITORY / "benchmarks" / "baselines"
PEERS_PYTHON = REPOSITORY / ".venv" / "peers" / "bin" / "python"  # `make bench` makes it
PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "RUNTIME",
    "BENTOML_CONFIG_OPTIONS",  # how many workers, say
)


@contextmanager
def serving(target: str, model: Path | None, database_url: str, folder: Path) -> Iterator[Server]:
    """Serve a model folder, if one is wanted, by ``bentoml serve target`` until the context ends.

    At its end the server is asked to stop, so that it writes what is spooled. Raises
    AssertionError, with the server's log, where it does not start.
    """
    environment = _environment(folder, database_url) | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "ENV_FILE": "",  # what is measured does not depend on the developer's own settings
        "SPOOL_DIR": str(folder / "spool"),
    }
    if model is not None:
        put_into_store(model, environment)
    with Server([BENTOML, "serve", target, "--port", "{port}"], REPOSITORY, environment) as server:
        yield server
        server.terminate(STOP_DEADLINE_S)


def serving_plainly(model: Path, folder: Path) -> Server:
    """Return the plain design, which starts as its context begins. See `benchmarks/baselines`."""
    python = str(PEERS_PYTHON) if PEERS_PYTHON.exists() else sys.executable
    command = [python, "-m", "uvicorn", "plain:app", "--port", "{port}", "--no-access-log"]
    environment = _environment(folder, sqlite_url(folder)) | {"MODEL": str(model.absolute())}
    return Server(command, PEERS, environment)


def serving_by_litserve(model: Path, folder: Path) -> Server:
    """Return LitServe, which starts as its context begins; it has to be installed."""
    environment = _environment(folder, "") | {"MODEL": str(model.absolute())}
    return Server([str(PEERS_PYTHON), "lit.py", "{port}"], PEERS, environment)


def has_litserve() -> bool:
    """Tell whether the environment of the peers is installed."""
    return PEERS_PYTHON.exists()


def _environment(folder: Path, database_url: str) -> dict[str, str]:
    """Make a server's folder; return what each is started with."""
    folder.mkdir()
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "DATABASE_URL": database_url,
        "TEST_LOG_FOLDER": str(folder),
    }


def suspend(server: Server) -> None:
    """Let a server rest while others are measured: some of them work even while they are idle."""
    for process in server.processes():
        process.suspend()


def resume(server: Server) -> None:
    """Let a suspended server work on."""
    for process in server.processes():
        process.resume()


def peak_mb(server: Server) -> float:
    """Return how many MB of memory a server's processes have held at most, added up.

    Only Linux records that; elsewhere it is what they hold now.
    """
    return sum(_peak_bytes(process) for process in server.processes()) / (1 << 20)


def _peak_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    peaks_kb = re.findall(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="utf-8"), re.M)
    return sum(map(int, peaks_kb)) << 10


def cpu_s(server: Server) -> float:
    """Return the processor time that a server and all its workers have taken."""
    times = [process.cpu_times() for process in server.processes()]
    return float(sum(each.user + each.system for each in times))


def machine_cpu_s() -> float:
    """Return the processor time that anybody on this machine has taken."""
    times = psutil.cpu_times()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are counted as users already
    return sum(times) - sum(getattr(times, name, 0) for name in idle)
