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
def patient_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is spooled written at the end, however slow the machine is."""
    monkeypatch.setattr("db.prediction_logger.DRAIN_TIMEOUT_S", 60)


@pytest.fixture(name="spool_folder")
def fixture_spool_folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
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
