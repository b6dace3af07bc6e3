"""A setup sends SQL Server the right statements, over its own protocol and with both drivers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlglot

from db.admin.setup import set_up
from db.admin.setup_retries import SetupError
from db.settings import SettingsError, SetupSettings
from tests.support.tds.answers import Failed
from tests.support.tds.catalogue import Catalogue, Database
from tests.support.tds.drivers import find_driver
from tests.support.tds.server import TDSServer
from tests.unit.db.admin.conftest import (
    ADMIN,
    MIGRATIONS,
    READER,
    SERVICE,
    SETTINGS,
    SetUp,
    login_attempts,
)

ROW_VERSIONING = "ALTER DATABASE [sentiment] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"
SERVICE_RIGHTS = [
    "GRANT SELECT, INSERT ON [metrics] TO [tweet]]service]",
    "GRANT SELECT, INSERT ON [training_runs] TO [tweet]]service]",
    "GRANT SELECT ON [schema_version] TO [tweet]]service]",
]
READER_RIGHTS = [
    "GRANT SELECT ON [metrics] TO [grafana_reader]",
    "GRANT SELECT ON [training_runs] TO [grafana_reader]",
]
LOW_LEVEL = r"120.*ALTER DATABASE \[sentiment\] SET COMPATIBILITY"


def test_a_new_server_gets_all_statements_in_order_and_each_login_is_tried(
    run: SetUp, catalogue: Catalogue, server: TDSServer
) -> None:
    log = run()

    assert [
        "CREATE DATABASE [sentiment]",
        ROW_VERSIONING,
        MIGRATIONS,
        "CREATE LOGIN [tweet]]service] WITH PASSWORD = N'it''s a secret'",
        "CREATE USER [tweet]]service] FOR LOGIN [tweet]]service]",
        *SERVICE_RIGHTS,
        "CREATE LOGIN [grafana_reader] WITH PASSWORD = N'the reader''s secret'",
        "CREATE USER [grafana_reader] FOR LOGIN [grafana_reader]",
        *READER_RIGHTS,
    ] == catalogue.changes
    for statement in catalogue.changes:
        sqlglot.parse_one(statement, dialect="tsql")
    assert [(SERVICE, "sentiment"), (READER, "sentiment")] == [
        (login.user, login.database) for login in server.logins[-2:]
    ]
    assert f"{READER} can log in and use database sentiment" == log[-1]


def test_a_second_setup_creates_nothing_and_no_log_contains_a_secret(
    run: SetUp, catalogue: Catalogue
) -> None:
    log = run()
    catalogue.changes.clear()

    log += run()

    assert [MIGRATIONS, *SERVICE_RIGHTS, *READER_RIGHTS] == catalogue.changes
    log += run(reset_passwords=True)
    assert not [line for line in log if "secret" in line]


def test_the_settings_of_an_existing_database_stay_but_the_log_gives_advice(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.databases["sentiment"] = Database(row_versions=False)

    log = run()

    assert not [each for each in catalogue.changes if each.startswith("ALTER DATABASE")]
    assert [line for line in log if ROW_VERSIONING in line and "quiet time" in line]


def test_a_server_without_row_versioning_is_set_up(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.failures["ALTER DATABASE"] = Failed(5069, "the server said no")

    log = run()

    assert [line for line in log if "READ_COMMITTED_SNAPSHOT" in line and "said no" in line]
    assert READER_RIGHTS[-1] in catalogue.changes


def test_two_setups_of_a_new_server_at_once_both_succeed(run: SetUp, catalogue: Catalogue) -> None:
    queries = ("SELECT DB_ID", "SELECT 1 FROM sys.server_prin", "SELECT 1 FROM sys.database_prin")
    catalogue.meetings = {query: threading.Barrier(2) for query in queries}

    with ThreadPoolExecutor(2) as threads:
        logs = [each.result() for each in [threads.submit(run), threads.submit(run)]]

    assert {} == catalogue.meetings
    assert 1 == sum("created database sentiment" in log for log in logs)
    assert 2 == catalogue.changes.count("CREATE DATABASE [sentiment]")
    assert 1 == catalogue.changes.count(ROW_VERSIONING)
    assert {SERVICE, READER} == set(catalogue.databases["sentiment"].users)


def test_a_low_compatibility_level_is_an_error_and_stays(run: SetUp, catalogue: Catalogue) -> None:
    catalogue.databases["sentiment"] = Database(level=120)

    with pytest.raises(SetupError, match=LOW_LEVEL):
        run()

    assert 120 == catalogue.databases["sentiment"].level
    assert READER_RIGHTS[-1] in catalogue.changes


def test_a_low_compatibility_level_is_an_error_with_a_url_too(
    run: SetUp, catalogue: Catalogue, server: TDSServer
) -> None:
    catalogue.databases["sentiment"] = Database(level=120)
    url = f"mssql+pyodbc://sa:the administrator's secret@localhost:{server.address[1]}/sentiment"

    with pytest.raises(SetupError, match=LOW_LEVEL):
        run(database_url=url)

    assert [MIGRATIONS] == catalogue.changes


def test_a_new_database_gets_a_sufficient_compatibility_level(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.level = 110

    run()

    assert 130 == catalogue.databases["sentiment"].level


@pytest.mark.parametrize("use", ["SELECT count(*) FROM [schema_version]", "INSERT INTO [metrics]"])
def test_a_right_that_the_service_cannot_use_is_an_error(
    run: SetUp, catalogue: Catalogue, use: str
) -> None:
    catalogue.failures[use] = Failed(229, "The permission was denied on the object.", 14)

    with pytest.raises(SetupError, match=r"SQL_USER = .* cannot use database sentiment.*denied"):
        run()


def test_optional_queries_may_fail(run: SetUp, catalogue: Catalogue) -> None:
    run()
    for query in ("SELECT type", "SELECT u.type", "SELECT is_read", "SELECT compat", "SELECT DB_N"):
        catalogue.failures[query] = Failed(208, "Invalid object name.")

    assert f"{SERVICE} can log in and use database sentiment" in run()


def test_a_wrong_password_of_the_administrator_is_tried_three_times(
    run: SetUp, server: TDSServer
) -> None:
    with pytest.raises(SetupError, match=r"refused the login 3 times.*Login failed") as caught:
        run(sa_password="wrong secret")  # noqa: S106

    assert 3 == login_attempts(server, ADMIN)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("refusals", [(18456, 18456), (18401,) * 9])
def test_a_starting_server_is_waited_for(
    run: SetUp, catalogue: Catalogue, refusals: tuple[int, ...]
) -> None:
    catalogue.refusals = [Failed(number, "Login failed.", 14) for number in refusals]

    log = run()

    assert [line for line in log if line.startswith("waiting for the database")]


def test_an_error_contains_no_statement_which_may_contain_a_password(
    run: SetUp, catalogue: Catalogue
) -> None:
    catalogue.failures["CREATE LOGIN"] = Failed(15118, "the server said no")

    with pytest.raises(SetupError, match="the server said no") as caught:
        run()

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_password_that_the_driver_cannot_accept_is_rejected_before_connecting(
    server: TDSServer,
) -> None:
    fields = SETTINGS | {"sql_driver": find_driver("FreeTDS"), "grafana_reader_password": "{}"}
    settings = SetupSettings.model_validate(fields | {"sql_port": server.address[1]})

    with pytest.raises(SettingsError, match="GRAFANA_READER_PASSWORD cannot be used"):
        set_up(settings, lambda _: None)

    assert [] == server.logins
