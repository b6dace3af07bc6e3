"""Server processes, and the systems under test: each has its own Bento store and spool."""

import contextlib
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.database import sqlite_url

REPOSITORY = Path(__file__).parent.parent
BENTOML = str(Path(sys.executable).with_name("bentoml"))
BASELINES = REPOSITORY / "benchmarks" / "baselines"
BASELINES_PYTHON = REPOSITORY / ".venv" / "peers" / "bin" / "python"  # `make bench` installs it
SERVICE_TARGET = "service:SentimentService"
UNRECORDED_TARGET = "benchmarks.baselines.unrecorded:SentimentService"
NOOP_TARGET = "benchmarks.baselines.bentoml_noop:NoopService"
READY_TIMEOUT_S = 120  # generous, for a busy machine: start-up times are measured elsewhere
STOP_TIMEOUT_S = 60
KILL_TIMEOUT_S = 30
REGISTER = "import sys, pathlib, inference.store as s; s.register_model(pathlib.Path(sys.argv[1]))"
PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "RUNTIME",
    "BENTOML_CONFIG_OPTIONS",  # the number of workers, for example
    "WITHOUT_PATCH",
    "UNCHECKED",
    "IS_FULL",
)
PORTS = range(20_000, 32_000)  # below those of outgoing connections, for servers that restart
_given_ports: set[int] = set()
T = TypeVar("T")


class Server:
    """A command that serves on ``url``; the context's end kills it and its children.

    ``{port}`` in the command becomes the port. ``ready_after_s`` is the time from the start until
    `/readyz` is 200, NaN before.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        log_folder: Path,
        port: int | None = None,
    ) -> None:
        self.command = tuple(command)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_after_s = float("nan")
        self.log_path = log_folder / f"server-{self.port}.log"
        self._started_s = time.perf_counter()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # pylint: disable=consider-using-with
                [argument.format(port=self.port) for argument in command],
                cwd=cwd,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Server":
        try:
            eventually(self._is_ready_or_dead, READY_TIMEOUT_S)
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log}")
            self.ready_after_s = time.perf_counter() - self._started_s
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """Return the output of the command."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Return the command and its descendants, which include BentoML's workers.

        Workers lead sessions of their own, so signals to a process group miss them.
        """
        try:
            command = psutil.Process(self.process.pid)
            return [command, *command.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def terminate(self, timeout_s: float) -> int:
        """Send SIGTERM to the command alone; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """Send SIGKILL to the command and its descendants."""
        self.process.send_signal(signal.SIGSTOP)  # so that it starts no more of them
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(KILL_TIMEOUT_S)

    def suspend(self) -> None:
        """Stop all processes, while other servers are measured: some work even when idle."""
        for process in self.processes():
            process.suspend()

    def resume(self) -> None:
        """Continue after `suspend`."""
        for process in self.processes():
            process.resume()

    @contextlib.contextmanager
    def resumed(self) -> Iterator[None]:
        """Continue for the time of the context."""
        self.resume()
        yield
        self.suspend()

    def cpu_s(self) -> float:
        """Return the processor time in s that all processes have taken so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def peak_mb(self) -> float:
        """Return the peak memory in MB, summed over processes; the current memory outside Linux."""
        return sum(map(_peak_bytes, self.processes())) / (1 << 20)

    def _is_ready_or_dead(self) -> bool:
        if self.process.poll() is not None:
            return True
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:  # httpx.get takes half a core at this rate of polling
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def eventually(condition: Callable[[], T], timeout_s: float) -> T:
    """Return the condition's first true value. Raises AssertionError after the timeout."""
    end_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        time.sleep(0.05)
    return value


def free_port() -> int:
    """Return a free port of the loopback, a different one at each call."""
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):  # unpredictable under any seed
        with contextlib.suppress(OSError), socket.socket() as probe:
            if port not in _given_ports:
                probe.bind(("127.0.0.1", port))
                _given_ports.add(port)
                return port
    raise AssertionError("no port of the loopback is free")


def put_into_store(model: Path, environment: Mapping[str, str]) -> None:
    """Register a model folder in the Bento store of an environment."""
    command = [sys.executable, "-c", REGISTER, str(model)]
    done = subprocess.run(  # noqa: S603  # all of it is ours
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"registering {model} failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def serve_bento(
    target: str, model: Path | None, database_url: str, folder: Path
) -> Iterator[Server]:
    """Run ``bentoml serve target`` with a model folder, if one is given, until the context ends.

    The server is stopped by SIGTERM, even if it is suspended, so that it writes its spool. Raises
    AssertionError with the server's log if it does not start.
    """
    environment = _make_environment(folder, database_url) | {
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
        "ENV_FILE": "",  # results do not depend on the developer's settings
        "SPOOL_DIR": str(folder / "spool"),
    }
    if model is not None:
        put_into_store(model, environment)
    command = [BENTOML, "serve", target, "--port", "{port}"]
    with Server(command, REPOSITORY, environment, folder) as server:
        yield server
        server.resume()
        server.terminate(STOP_TIMEOUT_S)


def serve_fastapi_pipeline(model: Path, folder: Path) -> Server:
    """Return the FastAPI baseline, to be entered as a context."""
    python = str(BASELINES_PYTHON) if BASELINES_PYTHON.exists() else sys.executable
    app = ["fastapi_pipeline:app", "--port", "{port}", "--no-access-log"]
    environment = _make_environment(folder, sqlite_url(folder)) | {"MODEL": str(model.absolute())}
    return Server([python, "-m", "uvicorn", *app], BASELINES, environment, folder)


def serve_litserve(model: Path, folder: Path) -> Server:
    """Return the LitServe baseline, to be entered as a context; see `has_litserve`."""
    environment = _make_environment(folder, "") | {"MODEL": str(model.absolute())}
    command = [str(BASELINES_PYTHON), "litserve_app.py", "{port}"]
    return Server(command, BASELINES, environment, folder)


def has_litserve() -> bool:
    """Return whether the baselines' environment is installed."""
    return BASELINES_PYTHON.exists()


def _make_environment(folder: Path, database_url: str) -> dict[str, str]:
    """Make a server's folder; return its environment."""
    folder.mkdir()
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {"DATABASE_URL": database_url}


def _peak_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    peaks_kb = re.findall(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="utf-8"), re.M)
    return sum(map(int, peaks_kb)) << 10
