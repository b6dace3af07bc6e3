"""A temporary PostgreSQL server, of Debian's package `postgresql`."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg

from benchmarks.servers import eventually, free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
DATABASE = "postgres"
USER = "tester"
ACCOUNTS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
FOLDERS = "/usr/lib/postgresql"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "shared_buffers": "16MB",
    "max_connections": "40",
}


class PostgreSQL:
    """A PostgreSQL server on the loopback without passwords; it ends with the context.

    A commit is on the disk (``fsync``) before it is acknowledged.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._folder / "data"
        self._log_path = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ("127.0.0.1", free_port())

    def __enter__(self) -> Self:
        try:
            self._initialize()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        """Return the URL for psycopg."""
        return self._url("postgresql", self.address[1])

    @property
    def sqlalchemy_url(self) -> str:
        """Return the URL for SQLAlchemy, as DATABASE_URL takes it."""
        return self._url("postgresql+psycopg", self.address[1])

    @property
    def log(self) -> str:
        """Return the server's log."""
        return self._log_path.read_text(errors="replace")

    def start(self) -> None:
        """Start the server and wait until it answers. Raises AssertionError with its log."""
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in (SETTINGS | {"port": str(self.address[1])}).items():
            command += ["-c", f"{name}={value}"]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # pylint: disable=consider-using-with
                command, cwd=self._folder, stdout=log, stderr=log, **self._account
            )
        eventually(self._answers, START_TIMEOUT_S)

    def stop(self) -> None:
        """Shut the server down: sessions end, all data are flushed."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """Send SIGKILL to the server and its children, as in a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # so that it starts no more children
            postmaster = psutil.Process(self._process.pid)
            family = [*postmaster.children(recursive=True), postmaster]
            for process in family:  # the stopped postmaster last, so that it reaps none before
                process.kill()
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None

    def _url(self, scheme: str, port: int) -> str:
        return f"{scheme}://{USER}@{self.address[0]}:{port}/{DATABASE}"

    def _initialize(self) -> None:
        """Create the data folder. Raises AssertionError with the output of `initdb`."""
        if "user" in self._account:
            os.chown(self._folder, self._account["user"], self._account["group"])
        command = [str(self._programs / "initdb"), "-D", str(self._data), "--no-sync"]
        command += ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1"]
        done = subprocess.run(  # noqa: S603  # all of it is ours
            command, cwd=self._folder, capture_output=True, text=True, check=False, **self._account
        )
        if done.returncode != 0:
            raise AssertionError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended:\n{self.log}")
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def installed_programs() -> Path | None:
    """Return the newest folder of PostgreSQL's server programs, None if none is installed."""
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    folders = [path.parent.parent for path in Path(FOLDERS).glob("*/bin/postgres")]
    newest = max(folders, key=lambda folder: float(folder.name), default=None)
    return newest and newest / "bin"


def _account() -> dict[str, Any]:
    """Return the account for subprocess to run the server as: the caller's, but never root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(names[name] for name in ACCOUNTS if name in names)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
