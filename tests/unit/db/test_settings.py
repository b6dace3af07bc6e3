"""Where predictions go is settled by the environment, and every bad value is named."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from pydantic import SecretStr

from db.database import odbc
from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError, SetupSettings
from tests.support.tds.drivers import find_driver

SetEnvironment: TypeAlias = Callable[[dict[str, str]], None]
SQL = {"SQL_SERVER": "db.example", "SQL_USER": "writer", "SQL_PASSWORD": "pa/ss w@rd"}


@pytest.fixture(name="set_environment")
def fixture_set_environment(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Give a function that sets several variables."""

    def set_environment(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_environment


def test_with_nothing_set_predictions_go_to_sqlite_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    url = DatabaseSettings.read().url()

    assert f"sqlite:///{tmp_path}/data/predictions.sqlite3" == str(url)


def test_sql_server_is_reached_by_its_variables(set_environment: SetEnvironment) -> None:
    set_environment(SQL | {"SQL_PORT": "14330", "SQL_DB": "tweets"})

    url = DatabaseSettings.read().url()

    assert ("mssql+pyodbc", "db.example", 14330, "tweets", "writer", "pa/ss w@rd") == (
        url.drivername,
        url.host,
        url.port,
        url.database,
        url.username,
        url.password,
    )


def test_database_url_wins_over_sql_server(set_environment: SetEnvironment) -> None:
    set_environment(SQL | {"DATABASE_URL": "postgresql://host/tweets"})

    assert "postgresql://host/tweets" == str(DatabaseSettings.read().url())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("sqlite:///here.sqlite3", "{here}/here.sqlite3"),
        ("sqlite:////there/there.sqlite3", "/there/there.sqlite3"),
        ("sqlite:///file:there.sqlite3?uri=true", "file:there.sqlite3"),
    ],
)
def test_a_sqlite_file_is_named_by_its_absolute_path(
    given: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", given)

    assert expected.format(here=tmp_path) == DatabaseSettings.read().url().database


def test_empty_variables_count_as_unset(set_environment: SetEnvironment) -> None:
    set_environment({"DATABASE_URL": "", "SQL_SERVER": "", "SQL_PORT": ""})

    assert "sqlite" == DatabaseSettings.read().url().get_backend_name()


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
def test_a_bad_value_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=rf"{variable} = '{value}' is not valid.*\.env"):
        DatabaseSettings.read()


@pytest.mark.parametrize("url", ["my secret", "postgresql://user:my@host:secret/db"])
def test_a_url_that_cannot_be_read_is_not_shown(set_environment: SetEnvironment, url: str) -> None:
    set_environment({"DATABASE_URL": url})

    with pytest.raises(SettingsError, match=r"^DATABASE_URL is no URL") as caught:
        DatabaseSettings.read().url()

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"SQL_SERVER": "two words"}, "SQL_SERVER = 'two words' is no host name"),
        (
            {"SQL_SERVER": "h,1444", "SQL_PORT": "1433"},
            "SQL_SERVER = 'h,1444' names port 1444, but",
        ),
        ({"SQL_SERVER": "odbc://u:secret@h"}, "SQL_SERVER is a URL, not a host"),
        ({"SQL_SERVER": "h;PWD=secret"}, "SQL_SERVER is no host name"),
    ],
)
def test_a_server_that_no_driver_finds_is_an_error_with_the_remedy(
    set_environment: SetEnvironment, variables: dict[str, str], problem: str
) -> None:
    set_environment(SQL | variables)

    with pytest.raises(SettingsError, match=f"^{problem}") as caught:
        DatabaseSettings.read().url()

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_host_that_no_driver_finds_in_a_url_is_an_error_too() -> None:
    settings = DatabaseSettings.model_validate(
        {"database_url": "mssql+pyodbc://u:secret@h,0/d", "sql_driver": find_driver("Microsoft")}
    )

    with pytest.raises(SettingsError, match="The host in DATABASE_URL = 'h,0' names") as e:
        make_engine(settings)

    assert "secret" not in str(e.value)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"]
)
def test_a_database_in_memory_is_refused(set_environment: SetEnvironment, url: str) -> None:
    set_environment({"DATABASE_URL": url})

    with pytest.raises(SettingsError, match="which loses all predictions"):
        DatabaseSettings.read().url()


@pytest.mark.parametrize("password", ["a;b", "a}b{c", "a=b", "p/a@s:s w%rd"])
def test_any_password_reaches_sql_server_in_one_piece(
    set_environment: SetEnvironment, password: str
) -> None:
    set_environment(SQL | {"SQL_PASSWORD": password})
    attributes = odbc.attributes(odbc.MICROSOFT, trust_server_certificate=False)
    url = DatabaseSettings.read().url().update_query_dict(attributes)

    ((connection_string,), _) = url.get_dialect()().create_connect_args(url)

    # in braces, its closing ones doubled, is how ODBC quotes what holds its own marks
    quoted = "{" + password.replace("}", "}}") + "}"
    assert any(f"PWD={form};" in f"{connection_string};" for form in (quoted, password))


@pytest.mark.parametrize("missing", ["SQL_USER", "SQL_PASSWORD"])
def test_sql_server_without_a_login_is_an_error(
    set_environment: SetEnvironment, missing: str
) -> None:
    set_environment({name: value for name, value in SQL.items() if name != missing})

    with pytest.raises(SettingsError, match="SQL_USER or SQL_PASSWORD is not set"):
        DatabaseSettings.read().url()


@pytest.mark.parametrize("missing", ["SQL_USER", "SQL_PASSWORD"])
def test_a_password_in_the_address_is_not_told_without_a_login(
    set_environment: SetEnvironment, missing: str
) -> None:
    set_environment({name: value for name, value in SQL.items() if name != missing})
    set_environment({"SQL_SERVER": "tcp:h,1433;User ID=sa;Password=secret"})

    with pytest.raises(SettingsError, match=r"^SQL_SERVER names no port") as caught:
        DatabaseSettings.read().url()

    assert "secret" not in str(caught.value)


def test_the_administrator_has_another_url_on_sql_server_only(
    set_environment: SetEnvironment,
) -> None:
    set_environment(SQL | {"SA_PASSWORD": "for sa"})

    url = SetupSettings.read().admin_url("master")

    assert ("sa", "for sa", "master") == (url.username, url.password, url.database)
    set_environment({"DATABASE_URL": "postgresql://owner@host/tweets"})
    assert "owner" == SetupSettings.read().admin_url().username


def test_the_administrator_may_have_another_name(set_environment: SetEnvironment) -> None:
    set_environment(SQL | {"SA_PASSWORD": "hidden", "SQL_ADMIN_USER": "owner"})

    assert "owner" == SetupSettings.read().admin_url().username


def test_without_the_administrators_password_its_variable_is_named(
    set_environment: SetEnvironment,
) -> None:
    set_environment(SQL)

    with pytest.raises(SettingsError, match="SA_PASSWORD is not set"):
        SetupSettings.read().admin_url()


def test_passwords_do_not_print(set_environment: SetEnvironment) -> None:
    set_environment(SQL | {"DATABASE_URL": "postgresql://u:secret@h/db"})

    settings = DatabaseSettings.read()

    assert "secret" not in repr(settings)
    assert "pa/ss" not in repr(settings)


def test_settings_are_read_from_a_dotenv_file_too(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("STORE_TEXT=false\n")

    settings = DatabaseSettings(_env_file=tmp_path / "settings")

    assert settings.store_text is False


def test_a_password_that_grafana_cannot_take_is_refused_without_it() -> None:
    settings = SetupSettings(grafana_reader_password=SecretStr("plan;ted"))

    with pytest.raises(SettingsError, match=r"GRAFANA_READER_PASSWORD .*Choose another") as caught:
        settings.check_grafana_login()

    assert not re.search("plan|ted", str(caught.value))
    SetupSettings(grafana_reader_password=SecretStr("a'b$c{d}")).check_grafana_login()
    SetupSettings(sql_db="a;b").check_grafana_login()  # no Grafana reads there
    with pytest.raises(SettingsError, match="SQL_DB"):
        SetupSettings(sql_db="a;b", grafana_reader_password=SecretStr("x")).check_grafana_login()
