"""T-SQL is quoted safely, and a low compatibility level is an error with its remedy."""

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.__main__ import main
from db.database.engine import make_engine
from db.database.tsql import (
    IncompatibleDatabaseError,
    check_compatibility_level,
    quote_name,
    quote_string,
)
from db.prediction_logger import PredictionLogger
from db.settings import SetupSettings
from db.writing.errors import ErrorKind, classify
from tests.support.predictions import prediction
from tests.support.server import eventually
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database, Principal
from tests.support.tds.drivers import DRIVERS, stand_in_settings
from tests.support.tds.server import TDSServer

MESSAGE = (
    "database sentiment has compatibility level 120, but inserts use OPENJSON, which needs 130. "
    "Run ALTER DATABASE [sentiment] SET COMPATIBILITY_LEVEL = 130 on SQL Server 2016 or later"
)


@pytest.mark.parametrize("name", ["a", "a]b", "]; DROP TABLE metrics --"])
def test_names_cannot_break_out_of_their_brackets(name: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT 1 AS {quote_name(name)}", dialect="tsql")

    assert name == parsed.expressions[0].alias


@pytest.mark.parametrize("text", ["a", "it's", "'; DROP TABLE metrics --"])
def test_strings_cannot_break_out_of_their_quotes(text: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT {quote_string(text)}", dialect="tsql")

    assert text == parsed.expressions[0].name


@pytest.fixture(name="catalogue")
def fixture_catalogue() -> Catalogue:
    """Return a server with a database that was restored from SQL Server 2014."""
    catalogue = Catalogue("sa", "hidden")
    catalogue.logins["service"] = Principal("service", "secret", 50)
    catalogue.databases["sentiment"] = Database(level=120, users={"service": 50})
    # the answer of a real server to an INSERT
    catalogue.failures["INSERT"] = Failed(208, "Invalid object name 'OPENJSON'.")
    return catalogue


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext, catalogue: Catalogue) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, catalogue.respond, catalogue.admit) as server:
        yield server


@pytest.fixture(name="restored", params=DRIVERS)
def fixture_restored(
    request: pytest.FixtureRequest, server: TDSServer, tmp_path: Path
) -> SetupSettings:
    """Return settings with the stand-in and a spool."""
    return stand_in_settings(request.param, server.address[1], spool_dir=tmp_path / "spool")


def check(settings: SetupSettings) -> None:
    """Check the compatibility level of a database."""
    engine = make_engine(settings)
    try:
        check_compatibility_level(engine)
    finally:
        engine.dispose()


def test_a_low_compatibility_level_is_an_error_with_the_remedy(restored: SetupSettings) -> None:
    with pytest.raises(IncompatibleDatabaseError) as caught:
        check(restored)

    assert MESSAGE == str(caught.value)
    assert ErrorKind.PERMANENT is classify(caught.value)


@pytest.mark.parametrize("level", [130, 160])
def test_a_sufficient_level_passes(
    restored: SetupSettings, catalogue: Catalogue, level: int
) -> None:
    catalogue.databases["sentiment"].level = level

    check(restored)


def test_a_server_without_the_view_passes(restored: SetupSettings, catalogue: Catalogue) -> None:
    catalogue.failures["SELECT DB_NAME()"] = Failed(208, "Invalid object name 'sys.databases'.")

    check(restored)


def test_other_databases_pass(engine: Engine) -> None:
    check_compatibility_level(engine)


def test_a_refused_login_is_tried_once(
    restored: SetupSettings, catalogue: Catalogue, server: TDSServer
) -> None:
    catalogue.logins["service"].password = "another"  # noqa: S105

    with pytest.raises(DBAPIError):
        check(restored)

    assert 1 == len(server.logins)


def test_the_service_logs_the_level_and_not_a_missing_table(
    restored: SetupSettings, caplog: pytest.LogCaptureFixture
) -> None:
    prediction_logger = PredictionLogger(restored)
    with caplog.at_level(logging.INFO):
        prediction_logger.open()
        prediction_logger.record([prediction()])
        eventually(lambda: MESSAGE in caplog.text, 20)
        prediction_logger.close()

    assert "OPENJSON'" not in caplog.text
    assert "python -m db setup" not in caplog.text


def test_the_status_prints_the_level(
    restored: SetupSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in restored.model_dump(exclude_unset=True).items():
        shown = value.get_secret_value() if name == "sql_password" else value
        monkeypatch.setenv(name.upper(), str(shown))

    status = main(["status"])

    printed = capsys.readouterr()
    assert (1, MESSAGE) == (status, printed.err.strip())
    assert "rows in database:" in printed.out
