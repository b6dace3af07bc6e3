"""What is asked of SQL Server to set it up, over its own protocol and with both drivers."""

import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest
import sqlglot

from db import setup, waiting
from db.__main__ import main
from db.settings import SettingsError, SetupSettings
from db.setup import set_up
from db.setup_error import SetupError
from db.tsql import execute, quoted_name, quoted_text
from tests.tds.answers import Failed
from tests.tds.catalogue import Catalogue, Database, Principal
from tests.tds.certificate import make_tls_context
from tests.tds.drivers import DRIVERS, find_driver
from tests.tds.server import TDSServer

ADMIN, READER = "sa", "grafana_reader"
SERVICE = "tweet]service"
TABLES = "CREATE TABLE metrics (id int)"  # stands for all steps of the schema
SWITCH = "ALTER DATABASE [sentiment] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"
RIGHTS = [
    "GRANT SELECT, INSERT ON [metrics] TO [tweet]]service]",
    "GRANT SELECT, INSERT ON [training_runs] TO [tweet]]service]",
    "GRANT SELECT ON [schema_version] TO [tweet]]service]",
]
READERS_RIGHTS = [
    "GRANT SELECT ON [metrics] TO [grafana_reader]",
    "GRANT SELECT ON [training_runs] TO [grafana_reader]",
]
SETTINGS = {
    "sql_server": "localhost",
    "sql_user": SERVICE,
    "sql_password": "it's a secret",
    "sa_password": "the administrator's secret",
    "grafana_reader_password": "the reader's secret",
    "sql_trust_server_certificate": True,
}

SetUp: TypeAlias = Callable[..., list[str]]


@pytest.fixture(name="tls", scope="module")
def fixture_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Make a certificate, which takes a while."""
    return make_tls_context(tmp_path_factory.mktemp("tls"))


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
    monkeypatch.setattr(waiting, "RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(waiting, "LOGIN_RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(setup, "migrate", lambda engine: execute(engine, TABLES))
    fixed = SETTINGS | {"sql_port": server.address[1], "sql_driver": find_driver(request.param)}

    def run(reset_passwords: bool = False, **changes: Any) -> list[str]:
        told: list[str] = []
        settings = SetupSettings.model_validate(fixed | changes)
        set_up(settings, told.append, reset_passwords)
        return told

    return run


def attempts(server: TDSServer, name: str) -> int:
    """Count how often somebody has tried to log in."""
    return sum(login.user == name for login in server.logins)


def test_everything_is_asked_for_in_t_sql_and_in_order(run: SetUp, catalogue: Catalogue) -> None:
    run()

    assert [
        "CREATE DATABASE [sentiment]",
        SWITCH,
        TABLES,
        "CREATE LOGIN [tweet]]service] WITH PASSWORD = N'it''s a secret'",
        "CREATE USER [tweet]]service] FOR LOGIN [tweet]]service]",
        *RIGHTS,
        "CREATE LOGIN [grafana_reader] WITH PASSWORD = N'the reader''s secret'",
        "CREATE USER [grafana_reader] FOR LOGIN [grafana_reader]",
        *READERS_RIGHTS,
    ] == catalogue.changes
    for statement in catalogue.changes:
        sqlglot.parse_one(statement, dialect="tsql")


def test_at_the_end_each_login_uses_what_it_may_use(run: SetUp, server: TDSServer) -> None:
    told = run()

    assert [SERVICE, READER] == [login.user for login in server.logins[-2:]]
    assert {"sentiment"} == {login.database for login in server.logins[-2:]}
    assert f"{READER} has logged in, and can use database sentiment" == told[-1]


def test_a_second_time_nothing_is_made_or_switched(run: SetUp, catalogue: Catalogue) -> None:
    run()
    catalogue.changes.clear()

    run()

    assert [TABLES, *RIGHTS, *READERS_RIGHTS] == catalogue.changes


def test_no_secret_is_told(run: SetUp) -> None:
    told = run() + run(reset_passwords=True)

    assert told
    assert not [line for line in told if "secret" in line]


def test_a_database_that_existed_is_not_switched_but_the_advice_is_told(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(row_versions=False)

    told = run()

    assert not [each for each in catalogue.changes if each.startswith("ALTER DATABASE")]
    assert [line for line in told if SWITCH in line and "quiet moment" in line]


def test_a_server_that_cannot_switch_is_set_up_all_the_same(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.failures["ALTER DATABASE"] = Failed(5069, "the server said no")

    told = run()

    assert [line for line in told if "READ_COMMITTED_SNAPSHOT" in line and "said no" in line]
    assert READERS_RIGHTS[-1] in catalogue.changes


@pytest.mark.parametrize(
    ("name", "variable"),
    [(SERVICE, "SQL_USER"), (READER, "GRAFANA_READER_USER"), (SERVICE.upper(), "SQL_USER")],
)
def test_a_login_of_another_is_not_taken_over(
    run: SetUp, catalogue: Catalogue, server: TDSServer, name: str, variable: str
) -> None:
    catalogue.logins[name.lower()] = Principal(name, "another secret", 50)
    own = SERVICE if variable == "SQL_USER" else READER

    with pytest.raises(SetupError, match=rf"^{variable} = .*--reset-passwords") as caught:
        run()

    assert "another secret" == catalogue.logins[name.lower()].password
    assert 1 == attempts(server, own)
    assert "secret" not in str(caught.value)


def test_a_login_gets_another_password_if_that_is_asked_for(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[READER] = Principal(READER, "another secret", 50)

    told = run(reset_passwords=True)

    assert f"login {READER} is ready (password reset)" in told
    assert SETTINGS["grafana_reader_password"] == catalogue.logins[READER].password


def test_the_command_does_so_with_its_option(
    run: SetUp,
    catalogue: Catalogue,
    server: TDSServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run()
    catalogue.logins[SERVICE].password = "another secret"  # noqa: S105
    for name, value in (SETTINGS | {"sql_port": server.address[1]}).items():
        monkeypatch.setenv(name.upper(), str(value))

    refused, reset = main(["setup"]), main(["setup", "--reset-passwords"])

    assert (1, 0) == (refused, reset)
    printed = capsys.readouterr()
    assert printed.err.startswith("SQL_USER = ")
    assert f"login {SERVICE} is ready (password reset)" in printed.out


def test_a_login_of_the_same_password_gets_its_user(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = Database()

    told = run()

    assert f"login {SERVICE} is ready" in told
    assert 50 == catalogue.databases["sentiment"].users[SERVICE]


@pytest.mark.parametrize(
    ("number", "help_"), [(18470, "ENABLE"), (18486, "UNLOCK"), (18488, "must be changed")]
)
def test_a_login_that_is_locked_is_told_as_such(
    run: SetUp, catalogue: Catalogue, server: TDSServer, number: int, help_: str
) -> None:
    secret = SETTINGS["sql_password"]
    failure = Failed(number, f"Login failed for user '{SERVICE}'.", 14)
    catalogue.logins[SERVICE] = Principal(SERVICE, secret, 50, refused=failure)

    with pytest.raises(SetupError, match=help_):
        run()

    assert 1 == attempts(server, SERVICE)


@pytest.mark.parametrize(("kind", "word"), [("G", "Windows group"), ("R", "role"), ("C", "certif")])
def test_a_name_that_is_no_login_is_refused(
    run: SetUp, catalogue: Catalogue, kind: str, word: str
) -> None:
    catalogue.logins[READER] = Principal(READER, "", 50, kind)

    with pytest.raises(SetupError, match=f"GRAFANA_READER_USER = '{READER}' is .*{word}"):
        run(reset_passwords=True)


def test_a_user_of_a_restored_database_gets_its_login_back(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(users={SERVICE: 7, READER: 8})

    told = run()

    assert "ALTER USER [tweet]]service] WITH LOGIN = [tweet]]service]" in catalogue.changes
    assert f"user {SERVICE} had lost its login, and has it back" in told
    sids = {name: catalogue.logins[name].sid for name in (SERVICE, READER)}
    assert sids == catalogue.databases["sentiment"].users


def test_a_user_of_another_login_is_left_alone(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins["owner"] = Principal("owner", "", 50)
    catalogue.databases["sentiment"] = Database(users={SERVICE: 50})

    with pytest.raises(SetupError, match=r"SQL_USER = .* belongs to another login, owner"):
        run()

    assert {SERVICE: 50} == catalogue.databases["sentiment"].users


def test_a_user_that_is_a_role_is_refused(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.databases["sentiment"] = Database(users={SERVICE: 7}, kinds={SERVICE: "R"})

    with pytest.raises(SetupError, match=r"SQL_USER = .* is a role in the database"):
        run()


def test_a_login_that_the_database_knows_by_another_name_is_refused(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.logins[SERVICE] = Principal(SERVICE, SETTINGS["sql_password"], 50)
    catalogue.databases["sentiment"] = Database(users={"dbo": 50})

    with pytest.raises(SetupError, match=r"SQL_USER = .* under another name"):
        run()


def test_two_at_once_on_a_new_server_both_succeed(run: SetUp, catalogue: Catalogue) -> None:
    questions = ("SELECT DB_ID", "SELECT 1 FROM sys.server_prin", "SELECT 1 FROM sys.database_prin")
    catalogue.meetings = {question: threading.Barrier(2) for question in questions}

    with ThreadPoolExecutor(2) as threads:
        told = [each.result() for each in [threads.submit(run), threads.submit(run)]]

    assert {} == catalogue.meetings
    assert 1 == sum("created database sentiment" in lines for lines in told)
    assert 2 == catalogue.changes.count("CREATE DATABASE [sentiment]")
    assert 1 == catalogue.changes.count(SWITCH)
    assert {SERVICE, READER} == set(catalogue.databases["sentiment"].users)


def test_a_level_without_openjson_is_told_and_left_as_it_is(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(level=120)

    with pytest.raises(SetupError, match=r"120.*ALTER DATABASE \[sentiment\] SET COMPATIBILITY"):
        run()

    assert 120 == catalogue.databases["sentiment"].level
    assert READERS_RIGHTS[-1] in catalogue.changes


def test_a_level_without_openjson_is_told_of_a_url_too(
    run: SetUp, catalogue: Catalogue, server: TDSServer
) -> None:
    catalogue.databases["sentiment"] = Database(level=120)
    url = f"mssql+pyodbc://sa:the administrator's secret@localhost:{server.address[1]}/sentiment"

    with pytest.raises(SetupError, match=r"120.*ALTER DATABASE \[sentiment\] SET COMPATIBILITY"):
        run(database_url=url)

    assert [TABLES] == catalogue.changes


def test_a_new_database_gets_a_level_with_openjson(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.level = 110

    run()

    assert 130 == catalogue.databases["sentiment"].level


@pytest.mark.parametrize("own", ["SELECT count(*) FROM [schema_version]", "INSERT INTO [metrics]"])
def test_what_the_service_cannot_use_fails_the_set_up(
    run: SetUp, catalogue: Catalogue, own: str
) -> None:
    catalogue.failures[own] = Failed(229, "The permission was denied on the object.", 14)

    with pytest.raises(SetupError, match=r"SQL_USER = .* cannot use database sentiment.*denied"):
        run()


def test_a_catalogue_that_does_not_answer_what_is_only_nice_to_know_will_do(
    run: SetUp, catalogue: Catalogue
) -> None:
    run()
    for question in (
        "SELECT type",
        "SELECT u.type",
        "SELECT is_read",
        "SELECT compat",
        "SELECT DB_N",
    ):
        catalogue.failures[question] = Failed(208, "Invalid object name.")

    told = run()

    assert f"{SERVICE} has logged in, and can use database sentiment" in told


def test_the_administrators_wrong_password_is_tried_a_few_times_only(
    run: SetUp, server: TDSServer
) -> None:
    with pytest.raises(SetupError, match=r"refused the login 3 times.*Login failed") as caught:
        run(sa_password="wrong secret")  # noqa: S106

    assert 3 == attempts(server, ADMIN)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("refusals", [(18456, 18456), (18401,) * 9])
def test_a_server_that_starts_is_waited_for(
    run: SetUp, catalogue: Catalogue, refusals: tuple[int, ...]
) -> None:
    catalogue.refusals = [Failed(number, "Login failed.", 14) for number in refusals]

    told = run()

    assert [line for line in told if line.startswith("waiting for the database")]


def test_the_logins_have_the_names_of_the_settings(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.logins["root"] = catalogue.logins.pop(ADMIN)
    catalogue.own = "tweets;{=@"

    run(sql_admin_user="root", grafana_reader_user="another reader", sql_db=catalogue.own)

    assert {"root", SERVICE, "another reader"} == set(catalogue.logins)
    assert {"master", catalogue.own} == set(catalogue.databases)


def test_an_error_shows_no_statement_which_may_set_a_password(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.failures["CREATE LOGIN"] = Failed(15118, "the server said no")

    with pytest.raises(SetupError, match="the server said no") as caught:
        run()

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_without_a_password_for_it_grafana_gets_no_login(run: SetUp, catalogue: Catalogue) -> None:
    told = run(grafana_reader_password=None)

    assert {ADMIN, SERVICE} == set(catalogue.logins)
    assert "GRAFANA_READER_PASSWORD is not set: no login for Grafana" in told


@pytest.mark.parametrize("name", ["sa", "SA", "dbo", "Guest", "grafana_reader", "root", "blank "])
def test_the_service_is_given_no_login_of_another(run: SetUp, server: TDSServer, name: str) -> None:
    with pytest.raises(SettingsError, match=r"SQL_USER = .* is not the login"):
        run(sql_user=name, sql_admin_user="root")

    assert [] == server.logins


@pytest.mark.parametrize("name", ["master", "TempDB"])
def test_no_table_is_made_in_a_database_of_the_server_itself(
    run: SetUp, server: TDSServer, name: str
) -> None:
    with pytest.raises(SettingsError, match=r"SQL_DB = .* is a database of SQL Server itself"):
        run(sql_db=name)

    assert [] == server.logins


@pytest.mark.parametrize("name", ["sa", "ROOT", "public"])
def test_nor_is_grafana(run: SetUp, server: TDSServer, name: str) -> None:
    with pytest.raises(SettingsError, match=r"GRAFANA_READER_USER = .* is not the login"):
        run(grafana_reader_user=name, sql_admin_user="root")

    assert [] == server.logins


def test_what_a_driver_cannot_be_given_is_refused_before_anything_is_made(
    server: TDSServer,
) -> None:
    fields = SETTINGS | {"sql_driver": find_driver("FreeTDS"), "grafana_reader_password": "{}"}
    settings = SetupSettings.model_validate(fields | {"sql_port": server.address[1]})

    with pytest.raises(SettingsError, match="GRAFANA_READER_PASSWORD cannot be used"):
        set_up(settings, lambda _: None)

    assert [] == server.logins


@pytest.mark.parametrize("name", ["a", "a]b", "]; DROP TABLE metrics --"])
def test_names_cannot_break_out_of_their_brackets(name: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT 1 AS {quoted_name(name)}", dialect="tsql")

    assert name == parsed.expressions[0].alias


@pytest.mark.parametrize("text", ["a", "it's", "'; DROP TABLE metrics --"])
def test_texts_cannot_break_out_of_their_quotes(text: str) -> None:
    parsed: Any = sqlglot.parse_one(f"SELECT {quoted_text(text)}", dialect="tsql")

    assert text == parsed.expressions[0].name
