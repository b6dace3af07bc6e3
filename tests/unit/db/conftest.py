"""Fixtures of the prediction log: spools, and a certificate for the SQL Server stand-in."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.spool.spool import Spool
from tests.support.spools import OpenSpool
from tests.support.tds.certificate import make_tls_context


@pytest.fixture(name="tls", scope="session")
def fixture_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Make a certificate for stand-ins of SQL Server."""
    return make_tls_context(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def quick_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the writer's pauses, and let it write all rows at the end even on a slow machine."""
    monkeypatch.setattr("db.prediction_logger.DRAIN_TIMEOUT_S", 60)
    monkeypatch.setattr("db.writing.writer_thread.FLUSH_INTERVAL_S", 0.02)
    monkeypatch.setattr("db.writing.writer_thread.FIRST_BACKOFF_S", 0.02)
    monkeypatch.setattr("db.writing.writer_thread.CHECK_LOGIN_EVERY_S", 0.05)


@pytest.fixture(name="spool_folder")
def fixture_spool_folder(tmp_path: Path) -> Path:
    """Return a folder that does not exist yet."""
    return tmp_path / "data" / "spool"


@pytest.fixture(name="open_spool")
def fixture_open_spool(spool_folder: Path) -> Iterator[OpenSpool]:
    """Give a function that opens a spool in the folder, as a process does at its start."""
    opened: list[Spool] = []

    def open_spool(max_rows: int = 100_000, max_bytes: int = 100_000_000) -> Spool:
        opened.append(Spool(spool_folder, max_rows, max_bytes))
        return opened[-1]

    yield open_spool
    for spool in opened:
        spool.close()


@pytest.fixture(name="spool")
def fixture_spool(open_spool: OpenSpool) -> Spool:
    """Open a spool."""
    return open_spool()
