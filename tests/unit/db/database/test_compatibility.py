"""A database of SQL Server that lacks OPENJSON is told as such, not as one without tables."""

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.__main__ import main
from db.database.engine import make_engine
from db.database.tsql import IncompatibleDatabaseError, check_compatibility_level
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings
from db.writing.errors import ErrorKind, classify
from tests.support.predictions import prediction
from tests.support.server import eventually
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database, Principal
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer

SAID = (
    "database sentiment has compatibility level 120, but inserts use OPENJSON, which needs 130. "
    "Run ALTER DATABASE [sentiment] SET COMPATIBILITY_LEVEL = 130 on SQL Server 2016 or later"
)


@pytest.fixture(name="catalogue")
def fixture_catalogue() -> Catalogue:
    """Return a server with a database that was restored from SQL Server 2014."""
    catalogue = Catalogue("sa", "hidden")
    catalogue.logins["service"] = Principal("service", "secret", 50)
    catalogue.databases["sentiment"] = Database(level=120, users={"service": 50})
    # what a real one answers to an insert
    catalogue.failures["INSERT"] = Failed(208, "Invalid object name 'OPENJSON'.")
    return catalogue


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext, catalogue: Catalogue) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, catalogue.respond, catalogue.admit) as server:
        yield server


@pytest.fixture(name="variables", params=DRIVERS)
def fixture_variables(
    request: pytest.FixtureRequest, server: TDSServer, tmp_path: Path
) -> dict[str, Any]:
    """Return the variables that name the stand-in."""
    return {
        "SQL_SERVER": "localhost",
        "SQL_PORT": str(server.address[1]),
        "SQL_DRIVER": find_driver(request.param),
        "SQL_USER": "service",
        "SQL_PASSWORD": "secret",
        "SQL_TRUST_SERVER_CERTIFICATE": "true",
        "SPOOL_DIR": str(tmp_path / "spool"),
    }


@pytest.fixture(name="old")
def fixture_old(variables: dict[str, Any]) -> DatabaseSettings:
    """Name the stand-in."""
    return DatabaseSettings.model_validate({key.lower(): v for key, v in variables.items()})


def test_a_level_that_is_too_low_is_an_error_with_the_remedy(old: DatabaseSettings) -> None:
    engine = make_engine(old)

    with pytest.raises(IncompatibleDatabaseError) as caught:
        check_compatibility_level(engine)

    assert SAID == str(caught.value)
    assert ErrorKind.PERMANENT is classify(caught.value)
    engine.dispose()


@pytest.mark.parametrize("level", [130, 160])
def test_a_higher_level_will_do(old: DatabaseSettings, catalogue: Catalogue, level: int) -> None:
    catalogue.databases["sentiment"].level = level
    engine = make_engine(old)

    check_compatibility_level(engine)

    engine.dispose()


def test_a_server_that_does_not_tell_its_level_will_do(
    old: DatabaseSettings, catalogue: Catalogue
) -> None:
    catalogue.failures["SELECT DB_NAME()"] = Failed(208, "Invalid object name 'sys.databases'.")
    engine = make_engine(old)

    check_compatibility_level(engine)

    engine.dispose()


def test_a_login_that_is_refused_is_tried_once(
    old: DatabaseSettings, catalogue: Catalogue, server: TDSServer
) -> None:
    catalogue.logins["service"].password = "another"  # noqa: S105
    engine = make_engine(old)

    with pytest.raises(DBAPIError):
        check_compatibility_level(engine)

    assert 1 == len(server.logins)


def test_the_log_of_the_start_names_the_level_and_no_missing_table(
    old: DatabaseSettings, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = PredictionLogger(old)
    with caplog.at_level(logging.INFO):
        recorder.open()
        recorder.record([prediction()])
        eventually(lambda: SAID in caplog.text, 20)
        recorder.close()

    assert "OPENJSON'" not in caplog.text
    assert "python -m db setup" not in caplog.text


def test_the_status_says_it_too(
    variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    status = main(["status"])

    printed = capsys.readouterr()
    assert (1, SAID) == (status, printed.err.strip())
    assert "rows in database:" in printed.out


def test_other_databases_have_no_level(engine: Engine) -> None:
    check_compatibility_level(engine)
