"""A stand-in for SQL Server that is to be set up, and a function that does so."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from db.admin import retry, setup
from db.admin.setup import set_up
from db.database.tsql import execute
from db.settings import SetupSettings
from tests.support.set_up import (
    ADMIN,
    SETTINGS,
    TABLES,
    SetUp,
)
from tests.support.tds.catalogue import Catalogue
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer


@pytest.fixture(name="catalogue")
def fixture_catalogue() -> Catalogue:
    """Return what a new server knows."""
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
    """Give a function that sets the server up without pauses, and returns what was told."""
    monkeypatch.setattr(retry, "RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(retry, "LOGIN_RETRY_INTERVAL_S", 0.01)
    monkeypatch.setattr(setup, "migrate", lambda engine, **_: execute(engine, TABLES))
    fixed = SETTINGS | {"sql_port": server.address[1], "sql_driver": find_driver(request.param)}

    def run(reset_passwords: bool = False, **changes: Any) -> list[str]:
        told: list[str] = []
        settings = SetupSettings.model_validate(fixed | changes)
        set_up(settings, told.append, reset_passwords)
        return told

    return run
