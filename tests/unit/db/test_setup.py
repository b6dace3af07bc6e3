"""What is asked of SQL Server to set it up; that it does so is shown where there is a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlglot
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import DBAPIError

from db import setup
from db.settings import SettingsError, SetupSettings
from db.setup import SetupError, quoted_name, quoted_text, set_up

SETTINGS = {
    "sql_server": "db.example",
    "sql_user": "tweet]service",
    "sql_password": "it's a secret",
    "sa_password": "the administrator's",
    "grafana_reader_password": "the reader's",
    "sql_db": "sentiment",
}


class Server:
    """Answers nothing to every question, and remembers all statements."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.fails_at: str | None = None

    def dispose(self) -> None:
        """Be closed."""

    @contextmanager
    def connect(self) -> Iterator["Server"]:
        """Be connected to."""
        yield self

    def exec_driver_sql(self, statement: str, _parameters: Any = None) -> "Server":
        """Remember a statement."""
        self.statements.append(statement)
        if self.fails_at is not None and self.fails_at in statement:
            raise DBAPIError(statement, {}, InsufficientPrivilege("the server said no"))
        return self

    def scalar(self) -> None:
        """Know nothing."""


@pytest.fixture(name="server")
def fixture_server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Have all connections lead to a server that is empty and waits for nothing."""
    server = Server()
    monkeypatch.setattr(setup, "make_engine", lambda *_: server)
    monkeypatch.setattr(setup, "_wait_for", lambda *_: None)
    monkeypatch.setattr(setup, "migrate", lambda _: server.statements.append("MIGRATE"))
    return server


def test_everything_is_asked_for_in_t_sql_and_in_order(server: Server) -> None:
    set_up(SetupSettings.model_validate(SETTINGS), lambda _: None)

    changes = [each for each in server.statements if not each.startswith("SELECT")]
    assert [
        "CREATE DATABASE [sentiment]",
        "ALTER DATABASE [sentiment] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
        "MIGRATE",
        "CREATE LOGIN [tweet]]service] WITH PASSWORD = N'it''s a secret'",
        "CREATE USER [tweet]]service] FOR LOGIN [tweet]]service]",
        "GRANT SELECT, INSERT ON [metrics] TO [tweet]]service]",
        "GRANT SELECT, INSERT ON [training_runs] TO [tweet]]service]",
        "GRANT SELECT ON [schema_version] TO [tweet]]service]",
        "CREATE LOGIN [grafana_reader] WITH PASSWORD = N'the reader''s'",
        "CREATE USER [grafana_reader] FOR LOGIN [grafana_reader]",
        "GRANT SELECT ON [metrics] TO [grafana_reader]",
        "GRANT SELECT ON [training_runs] TO [grafana_reader]",
    ] == changes
    for statement in server.statements:
        sqlglot.parse_one(statement.replace("MIGRATE", "SELECT 1"), dialect="tsql")


@pytest.mark.parametrize("name", ["sa", "SA", "grafana_reader"])
def test_the_service_is_given_no_login_of_another(server: Server, name: str) -> None:
    with pytest.raises(SettingsError, match=r"SQL_USER = .* is not the login"):
        set_up(SetupSettings.model_validate(SETTINGS | {"sql_user": name}), lambda _: None)

    assert [] == server.statements


def test_no_secret_is_told(server: Server) -> None:
    told: list[str] = []

    set_up(SetupSettings.model_validate(SETTINGS), told.append)

    assert server.statements
    assert not [line for line in told if "secret" in line or "'s" in line]


def test_an_error_shows_no_statement_which_may_set_a_password(server: Server) -> None:
    server.fails_at = "CREATE LOGIN"

    with pytest.raises(SetupError, match="the server said no") as caught:
        set_up(SetupSettings.model_validate(SETTINGS), lambda _: None)

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_without_a_password_for_it_grafana_gets_no_login(server: Server) -> None:
    told: list[str] = []
    settings = {**SETTINGS, "grafana_reader_password": None}

    set_up(SetupSettings.model_validate(settings), told.append)

    assert not [each for each in server.statements if "grafana" in each]
    assert "GRAFANA_READER_PASSWORD is not set: no login for Grafana" in told


def test_a_server_that_knows_no_row_versions_is_set_up_all_the_same(server: Server) -> None:
    server.fails_at = "READ_COMMITTED_SNAPSHOT ON"
    told: list[str] = []

    set_up(SetupSettings.model_validate(SETTINGS), told.append)

    assert [line for line in told if "stays off" in line and "the server said no" in line]
    assert "GRANT SELECT ON [training_runs] TO [grafana_reader]" == server.statements[-1]


@pytest.mark.parametrize("name", ["a", "a]b", "]; DROP TABLE metrics --"])
def test_names_cannot_break_out_of_their_brackets(name: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT 1 AS {quoted_name(name)}", dialect="tsql")

    assert name == parsed.expressions[0].alias


@pytest.mark.parametrize("text", ["a", "it's", "'; DROP TABLE metrics --"])
def test_texts_cannot_break_out_of_their_quotes(text: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT {quoted_text(text)}", dialect="tsql")

    assert text == parsed.expressions[0].name
