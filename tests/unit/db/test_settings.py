"""Environment variables choose the database; each invalid value is an error that names it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from db.database import odbc
from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError, SetupSettings
from tests.support.tds.drivers import find_driver

SQL = {"SQL_SERVER": "db.example", "SQL_USER": "writer", "SQL_PASSWORD": "pa/ss w@rd"}


def read(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], without: str = ""
) -> SetupSettings:
    """Set variables, except one; return the settings."""
    for name, value in variables.items():
        if name != without:
            monkeypatch.setenv(name, value)
    return SetupSettings.read()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "sqlite:///{here}/data/predictions.sqlite3"),
        ({"DATABASE_URL": "", "SQL_SERVER": "", "SQL_PORT": ""},
         "sqlite:///{here}/data/predictions.sqlite3"),
        ({"DATABASE_URL": "sqlite:///here.sqlite3"}, "sqlite:///{here}/here.sqlite3"),
        ({"DATABASE_URL": "sqlite:////there/it.sqlite3"}, "sqlite:////there/it.sqlite3"),
        ({"DATABASE_URL": "sqlite:///file:it.sqlite3?uri=true"},
         "sqlite:///file:it.sqlite3?uri=true"),
        (SQL | {"DATABASE_URL": "postgresql://host/tweets"}, "postgresql://host/tweets"),
        (SQL | {"SQL_PORT": "14330", "SQL_DB": "tweets"},
         "mssql+pyodbc://writer:pa%2Fss%20w%40rd@db.example:14330/tweets"),
    ],
)  # fmt: skip
def test_the_variables_choose_the_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)

    url = read(monkeypatch, variables).url()

    assert make_url(expected.format(here=tmp_path)) == url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_TIMEOUT_S", "0"),
        ("SPOOL_MAX_ROWS", "-1"),
        ("DATABASE_TIMEOUT_S", "inf"),
        ("SPOOL_MAX_MB", "inf"),
        ("SPOOL_MAX_MB", "nan"),
        ("SQL_PORT", "many"),
        ("SQL_PORT", "0"),
        ("SQL_PORT", "65536"),
        ("STORE_TEXT", "perhaps"),
    ],
)
def test_an_invalid_value_is_shown_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=rf"{variable} = '{value}' is not valid.*\.env"):
        DatabaseSettings.read()


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"DATABASE_URL": "my secret"}, "DATABASE_URL is not a valid"),
        ({"DATABASE_URL": "postgresql://user:my@host:secret/db"}, "DATABASE_URL is not a valid"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL is a SQLite database in memory"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL is a SQLite database in memory"),
        ({"DATABASE_URL": "sqlite:///file::memory:?uri=true"},
         "DATABASE_URL is a SQLite database in memory"),
        ({"SQL_SERVER": "two words"}, "SQL_SERVER = 'two words' is neither a host"),
        ({"SQL_SERVER": "h,1444", "SQL_PORT": "1433"},
         "SQL_SERVER = 'h,1444' contains port 1444, but"),
        ({"SQL_SERVER": "odbc://u:secret@h"}, "SQL_SERVER is a URL, not a host"),
        ({"SQL_SERVER": "h;PWD=secret"}, "SQL_SERVER is neither a host"),
    ],
)  # fmt: skip
def test_an_unusable_address_is_an_error_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{problem}") as caught:
        read(monkeypatch, SQL | variables).url()

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unusable_host_in_a_url_is_an_error_without_its_secrets() -> None:
    settings = DatabaseSettings.model_validate(
        {"database_url": "mssql+pyodbc://u:secret@h,0/d", "sql_driver": find_driver("Microsoft")}
    )

    with pytest.raises(SettingsError, match="The host in DATABASE_URL = 'h,0' ") as caught:
        make_engine(settings)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["a;b", "a}b{c", "a=b", "p/a@s:s w%rd"])
def test_a_password_is_quoted_for_odbc(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    attributes = odbc.microsoft_attributes(odbc.MICROSOFT, trust_server_certificate=False)
    url = read(monkeypatch, SQL | {"SQL_PASSWORD": password}).url().update_query_dict(attributes)

    ((connection_string,), _) = url.get_dialect()().create_connect_args(url)

    # ODBC quotes special characters by braces, and doubles closing ones
    quoted = "{" + password.replace("}", "}}") + "}"
    assert any(f"PWD={form};" in f"{connection_string};" for form in (quoted, password))


@pytest.mark.parametrize("missing", ["SQL_USER", "SQL_PASSWORD"])
@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("db.example", "SQL_USER or SQL_PASSWORD is not set"),
        ("tcp:h,1433;User ID=sa;Password=secret", "SQL_SERVER has no port"),
    ],
)
def test_sql_server_without_a_login_is_an_error_without_secrets(
    monkeypatch: pytest.MonkeyPatch, missing: str, server: str, problem: str
) -> None:
    settings = read(monkeypatch, SQL | {"SQL_SERVER": server}, without=missing)

    with pytest.raises(SettingsError, match=f"^{problem}") as caught:
        settings.url()

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SA_PASSWORD": "for sa"}, "mssql+pyodbc://sa:for%20sa@db.example:1433/master"),
        ({"SA_PASSWORD": "hidden", "SQL_ADMIN_USER": "owner"},
         "mssql+pyodbc://owner:hidden@db.example:1433/master"),
        ({"DATABASE_URL": "postgresql://owner@host/tweets"}, "postgresql://owner@host/tweets"),
    ],
)  # fmt: skip
def test_the_administrator_has_another_url_on_sql_server_only(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    url = read(monkeypatch, SQL | variables).admin_url("master")

    assert make_url(expected) == url


def test_the_administrators_url_needs_sa_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="SA_PASSWORD is not set"):
        read(monkeypatch, SQL).admin_url()


def test_the_settings_print_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, SQL | {"DATABASE_URL": "postgresql://u:secret@h/db"})

    assert "secret" not in repr(settings)
    assert "pa/ss" not in repr(settings)


def test_the_settings_are_read_from_an_env_file_too(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("STORE_TEXT=false\n")

    assert DatabaseSettings(_env_file=tmp_path / "settings").store_text is False


@pytest.mark.parametrize(
    ("database", "password", "problem"),
    [
        ("sentiment", "plan;ted", r"^GRAFANA_READER_PASSWORD .*Choose another"),
        ("a;b", "plan ted", "^SQL_DB "),
        ("sentiment", "a'b$c{d}", None),
        ("a;b", None, None),  # Grafana does not read there
    ],
)
def test_a_login_that_grafana_cannot_use_is_an_error_without_its_password(
    database: str, password: str | None, problem: str | None
) -> None:
    settings = SetupSettings(
        sql_db=database, grafana_reader_password=password and SecretStr(password)
    )

    if problem is None:
        settings.check_grafana_login()
        return
    with pytest.raises(SettingsError, match=problem) as caught:
        settings.check_grafana_login()
    assert "plan" not in str(caught.value)
    assert "ted" not in str(caught.value)
