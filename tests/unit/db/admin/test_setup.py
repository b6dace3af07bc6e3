"""What is asked of SQL Server to set it up, over its own protocol and with both drivers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlglot

from db.admin.retry import SetupError
from db.admin.setup import set_up
from db.settings import SettingsError, SetupSettings
from tests.support.set_up import (
    ADMIN,
    READER,
    READERS_RIGHTS,
    RIGHTS,
    SERVICE,
    SETTINGS,
    SWITCH,
    TABLES,
    SetUp,
    attempts,
)
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database
from tests.support.tds.drivers import find_driver
from tests.support.tds.server import TDSServer


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
    assert f"{READER} can log in and use database sentiment" == told[-1]


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
    assert [line for line in told if SWITCH in line and "quiet time" in line]


def test_a_server_that_cannot_switch_is_set_up_all_the_same(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.failures["ALTER DATABASE"] = Failed(5069, "the server said no")

    told = run()

    assert [line for line in told if "READ_COMMITTED_SNAPSHOT" in line and "said no" in line]
    assert READERS_RIGHTS[-1] in catalogue.changes


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


def test_a_catalogue_without_the_optional_views_will_do(run: SetUp, catalogue: Catalogue) -> None:
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

    assert f"{SERVICE} can log in and use database sentiment" in told


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


def test_an_error_shows_no_statement_which_may_set_a_password(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.failures["CREATE LOGIN"] = Failed(15118, "the server said no")

    with pytest.raises(SetupError, match="the server said no") as caught:
        run()

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["master", "TempDB"])
def test_no_table_is_made_in_a_database_of_the_server_itself(
    run: SetUp, server: TDSServer, name: str
) -> None:
    with pytest.raises(SettingsError, match=r"SQL_DB = .* is a system database"):
        run(sql_db=name)

    assert [] == server.logins


def test_what_a_driver_cannot_be_given_is_refused_before_anything_is_made(
    server: TDSServer,
) -> None:
    fields = SETTINGS | {"sql_driver": find_driver("FreeTDS"), "grafana_reader_password": "{}"}
    settings = SetupSettings.model_validate(fields | {"sql_port": server.address[1]})

    with pytest.raises(SettingsError, match="GRAFANA_READER_PASSWORD cannot be used"):
        set_up(settings, lambda _: None)

    assert [] == server.logins
