"""A setup takes over nothing of others, repairs restored databases, and may run twice at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from db.admin.setup import set_up
from db.admin.setup_retries import SetupError
from db.database.engine import make_engine
from db.database.tsql import (
    IncompatibleDatabaseError,
    check_compatibility_level,
    execute,
    query_scalar,
    quote_name,
)
from db.settings import SetupSettings
from tests.support.sql_server import SQLServerDatabase
from tests.support.stored import connected

ANOTHER = {"sql_password": SecretStr("Another-password-1")}
ROW_VERSIONS = "SELECT is_read_committed_snapshot_on FROM sys.databases WHERE name = ?"


def setup_log(settings: SetupSettings, **changes: Any) -> list[str]:
    """Set up with changed settings; return the log."""
    log: list[str] = []
    set_up(settings.model_copy(update=changes), log.append)
    return log


@pytest.fixture(name="master")
def fixture_master(database: SQLServerDatabase) -> Iterator[Engine]:
    """Connect to the server as its administrator."""
    settings = database.settings()
    engine = make_engine(settings, settings.admin_url("master"))
    yield engine
    engine.dispose()


def test_two_setups_of_a_new_server_at_once_both_succeed(new_database: SQLServerDatabase) -> None:
    logs: tuple[list[str], list[str]] = ([], [])

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(set_up, new_database.settings(), log.append) for log in logs]
        for run in runs:
            run.result()

    assert all("can log in and use database" in log[-1] for log in logs)
    assert 1 == sum(line.startswith("created database") for log in logs for line in log)


def test_an_existing_login_keeps_its_password(database: SQLServerDatabase) -> None:
    settings = database.settings()

    with pytest.raises(SetupError, match=r"SQL_USER = .*--reset-passwords"):
        setup_log(settings, **ANOTHER)

    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_reset_passwords_updates_the_password_of_an_existing_login(
    database: SQLServerDatabase,
) -> None:
    settings = database.settings().model_copy(update=ANOTHER)

    set_up(settings, lambda _: None, reset_passwords=True)

    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_an_orphaned_user_is_mapped_to_its_login(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    execute(master, f"DROP LOGIN {quote_name(str(settings.sql_user))}")  # as after a restore

    log = setup_log(settings)

    assert [line for line in log if line.endswith("was orphaned: mapped to its login again")]
    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_a_user_of_another_login_is_rejected(microsoft_database: SQLServerDatabase) -> None:
    settings = microsoft_database.settings()
    database = make_engine(settings, settings.admin_url())
    user, reader = quote_name(str(settings.sql_user)), quote_name(settings.grafana_reader_user)
    execute(database, f"DROP USER {reader}")
    execute(database, f"ALTER USER {user} WITH NAME = {reader}")
    database.dispose()

    with pytest.raises(SetupError, match=r"of another name|another login"):
        setup_log(settings)


def test_the_settings_of_an_existing_database_stay(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    name = quote_name(settings.sql_db)
    execute(
        master, f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT OFF WITH ROLLBACK IMMEDIATE"
    )

    log = setup_log(settings)

    assert not query_scalar(master, ROW_VERSIONS, settings.sql_db)
    assert [line for line in log if "READ_COMMITTED_SNAPSHOT is off" in line]


def test_a_low_compatibility_level_is_an_error(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    name = quote_name(settings.sql_db)
    execute(master, f"ALTER DATABASE {name} SET COMPATIBILITY_LEVEL = 120")
    engine = make_engine(settings)

    with pytest.raises(IncompatibleDatabaseError, match="compatibility level 120"):
        check_compatibility_level(engine)
    with pytest.raises(SetupError, match=r"SET COMPATIBILITY_LEVEL = 130"):
        setup_log(settings)

    engine.dispose()
