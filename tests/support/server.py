"""A real server process, started as a user would start it."""

import contextlib
import http.client
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

GIVEN_PORTS: set[int] = set()
READY_DEADLINE_S = 120  # these machines are shared; readiness itself is no measurement
COMMAND_DEADLINE_S = 300
T = TypeVar("T")
REGISTER = "import sys, pathlib, inference.store as s; s.register(pathlib.Path(sys.argv[1]))"

REPOSITORY = Path(__file__).parent.parent.parent
BENTOML = str(Path(sys.executable).with_name("bentoml"))


class Server:
    """A command that serves on ``url``; it and all that it started end with the context."""

    def __init__(
        self, command: Sequence[str], cwd: Path, env: dict[str, str], port: int | None = None
    ) -> None:
        self.command = tuple(command)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ready_after_s = float("nan")  # until it is
        self._started_s = time.perf_counter()
        self.log_path = Path(env["TEST_LOG_FOLDER"]) / f"server-{self.port}.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with  # ended in kill
                [argument.format(port=self.port) for argument in command],
                cwd=cwd,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Server":
        try:
            eventually(self._is_ready_or_dead, READY_DEADLINE_S)
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
        """Return all that the command has printed."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Return the command and all that it started, BentoML's workers among them.

        Workers lead sessions of their own, so that signals to a process group miss them.
        """
        try:
            command = psutil.Process(self.process.pid)
            return [command, *command.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def terminate(self, deadline_s: float) -> int:
        """Send SIGTERM to the command alone; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(deadline_s)

    def kill(self) -> None:
        """End whatever is left of the command and its children, with SIGKILL."""
        self.process.send_signal(signal.SIGSTOP)  # from here on it starts no more of them
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)

    def _is_ready_or_dead(self) -> bool:
        if self.process.poll() is not None:
            return True
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:  # not by httpx.get, which takes half a core to ask as often as we do
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run_command(
    command: Sequence[str], cwd: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it prints comes back in one text."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )


def run_python(arguments: Sequence[str], env: dict[str, str]) -> str:
    """Run this Python in the checkout; return what it printed. Raises on a failure."""
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def put_into_store(model: Path, environment: dict[str, str]) -> None:
    """Register a model folder in the Bento store of an environment."""
    run_python(["-c", REGISTER, str(model)], environment)


def eventually(condition: Callable[[], T], deadline_s: float) -> T:
    """Return the condition's first true value. Raises AssertionError after the deadline."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {condition}")
        time.sleep(0.05)
    return value


def free_port() -> int:
    """Return a port of the loopback that nobody listens on.

    It lies below those that systems give to outgoing connections, so that a server which is
    started again finds it free. Nobody gets one that another was given, who may not listen yet.
    """
    for port in set(random.sample(range(20_000, 32_000), 100)) - GIVEN_PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            GIVEN_PORTS.add(port)
            return port
    raise AssertionError("not one of 100 ports of the loopback is free")
