"""A PostgreSQL server of Debian's packages, in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.support.database import Row
from tests.support.server import eventually, free_port

START_DEADLINE_S = 60
STOP_DEADLINE_S = 30
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
    """A PostgreSQL server on the loopback, open to everybody there; it ends with the context.

    A commit is on the disk (``fsync``) before it is answered.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ("127.0.0.1", free_port())

    def __enter__(self) -> "PostgreSQL":
        try:
            self._initialise()
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
        """Return the database's URL as psycopg and SQLAlchemy's defaults read it."""
        return self._url("postgresql", self.address[1])

    @property
    def log(self) -> str:
        """Return all that the server has logged."""
        return self._log_path.read_text(errors="replace")

    def require_password(self, role: str) -> None:
        """Have a role log in by its password (scram-sha-256) from now on; restarts the server."""
        self.stop()
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {role} all scram-sha-256\n{rules.read_text()}")
        self.start()

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a port of the loopback, through a proxy there."""
        return {"DATABASE_URL": self._url("postgresql+psycopg", port or self.address[1])}

    def rows(self) -> list[Row]:
        """Return the id and the text of all rows, none where there is no table yet."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            try:
                return connection.execute("SELECT id::text, text FROM metrics").fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    def start(self) -> None:
        """Start the server; return once it answers. Raises AssertionError with its log."""
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in (SETTINGS | {"port": str(self.address[1])}).items():
            command += ["-c", f"{name}={value}"]
        with self._log_path.open("ab") as log:
            # pylint: disable-next=consider-using-with  # ended in stop or kill
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=log, stderr=log, **self._account
            )
        eventually(self._answers, START_DEADLINE_S)

    def stop(self) -> None:
        """End the server in order: sessions are ended, all is written to the disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_DEADLINE_S)
            self._process = None

    def kill(self) -> None:
        """End the server and its children with SIGKILL, as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)  # from here on it starts no more children
            postmaster = psutil.Process(self._process.pid)
            family = [*postmaster.children(recursive=True), postmaster]
            for process in family:  # the last one stands still, so that none is gone before
                process.kill()
            self._process.wait(STOP_DEADLINE_S)
            self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log_path(self) -> Path:
        return self._folder / "log"

    def _url(self, scheme: str, port: int) -> str:
        return f"{scheme}://{USER}@{self.address[0]}:{port}/{DATABASE}"

    def _initialise(self) -> None:
        """Create the data. Raises AssertionError with what `initdb` printed."""
        if "user" in self._account:
            os.chown(self._folder, self._account["user"], self._account["group"])
        command = [str(self._programs / "initdb"), "-D", str(self._data), "--no-sync"]
        command += ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1"]
        done = subprocess.run(
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


@contextmanager
def running_or_skipped() -> Iterator[PostgreSQL]:
    """Run a server without tables; skip the test where none is installed."""
    programs = installed_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here (Debian's package: postgresql)")
    with PostgreSQL(programs) as server:
        yield server


def installed_programs() -> Path | None:
    """Return the newest folder that has PostgreSQL's server programs, None where none has."""
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    folders = [path.parent.parent for path in Path(FOLDERS).glob("*/bin/postgres")]
    newest = max(folders, key=lambda folder: float(folder.name), default=None)
    return newest and newest / "bin"


def _account() -> dict[str, Any]:
    """Return whom subprocess shall run the server as: the caller, but never root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(names[name] for name in ACCOUNTS if name in names)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
