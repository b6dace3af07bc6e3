"""A stand-in for SQL Server, and a function that sets it up."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from db.admin import setup, setup_retries
from db.admin.setup import set_up
from db.database.tsql import execute
from db.settings import SetupSettings
from tests.support.tds.catalogue import Catalogue
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer

ADMIN, SERVICE, READER = "sa", "tweet]service", "grafana_reader"
SETTINGS = {
    "sql_server": "localhost",
    "sql_user": SERVICE,
    "sql_password": "it's a secret",
    "sa_password": "the administrator's secret",
    "grafana_reader_password": "the reader's secret",
    "sql_trust_server_certificate": True,
}
MIGRATIONS = "CREATE TABLE metrics (id int)"  # instead of all migrations

SetUp: TypeAlias = Callable[..., list[str]]


def login_attempts(server: TDSServer, name: str) -> int:
    """Count the attempts to log in by this name."""
    return sum(login.user == name for login in server.logins)


@pytest.fixture(name="catalogue")
def fixture_catalogue() -> Catalogue:
    """Return the catalogue of a new server."""
    return Catalogue(ADMIN, SETTINGS["sa_password"])


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext, catalogue: Catalogue) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, catalogue.respond, catalogue.admit) as server:
        yield server


@pytest.fixture(name="run", params=DRIVERS)
def fixture_run(
    request: pytest.FixtureRequest, server: TDSServer, monkeypatch: pytest.MonkeyPatch
) -> SetUp:
    """Return a function that sets the server up, without pauses, and returns the log."""
    monkeypatch.setattr(setup_retries, "RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(setup_retries, "LOGIN_RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(setup, "migrate", lambda engine, **_: execute(engine, MIGRATIONS))
    fixed = SETTINGS | {"sql_port": server.address[1], "sql_driver": find_driver(request.param)}

    def run(reset_passwords: bool = False, **changes: Any) -> list[str]:
        log: list[str] = []
        set_up(SetupSettings.model_validate(fixed | changes), log.append, reset_passwords)
        return log

    return run
