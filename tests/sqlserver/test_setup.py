"""A set-up takes nothing from others, mends what a restore breaks, and may run twice at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from db.admin.retry import SetupError
from db.admin.setup import set_up
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


def told_by(settings: SetupSettings, **changes: Any) -> list[str]:
    """Set up with other settings; return what was told."""
    told: list[str] = []
    set_up(settings.model_copy(update=changes), told.append)
    return told


@pytest.fixture(name="master")
def fixture_master(database: SQLServerDatabase) -> Iterator[Engine]:
    """Connect to the server as its administrator."""
    settings = database.settings()
    engine = make_engine(settings, settings.admin_url("master"))
    yield engine
    engine.dispose()


def test_two_at_once_on_a_new_server_both_succeed(new_database: SQLServerDatabase) -> None:
    told: tuple[list[str], list[str]] = ([], [])

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(set_up, new_database.settings(), lines.append) for lines in told]
        for run in runs:
            run.result()

    assert all("can log in and use database" in lines[-1] for lines in told)
    assert 1 == sum(line.startswith("created database") for lines in told for line in lines)


def test_a_login_keeps_the_password_that_it_has(database: SQLServerDatabase) -> None:
    settings = database.settings()

    with pytest.raises(SetupError, match=r"SQL_USER = .*--reset-passwords"):
        told_by(settings, **ANOTHER)

    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_a_login_gets_another_password_if_that_is_asked_for(database: SQLServerDatabase) -> None:
    settings = database.settings().model_copy(update=ANOTHER)

    set_up(settings, lambda _: None, reset_passwords=True)

    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_a_user_whose_login_is_another_one_gets_it_back(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    execute(master, f"DROP LOGIN {quote_name(str(settings.sql_user))}")  # as after a restore

    told = told_by(settings)

    assert [line for line in told if line.endswith("was orphaned: mapped to its login again")]
    with connected(settings) as connection:
        assert 1 == connection.exec_driver_sql("SELECT 1").scalar()


def test_a_user_of_another_login_is_left_alone(microsoft_database: SQLServerDatabase) -> None:
    settings = microsoft_database.settings()
    database = make_engine(settings, settings.admin_url())
    user, reader = quote_name(str(settings.sql_user)), quote_name(settings.grafana_reader_user)
    execute(database, f"DROP USER {reader}")
    execute(database, f"ALTER USER {user} WITH NAME = {reader}")
    database.dispose()

    with pytest.raises(SetupError, match=r"of another name|another login"):
        told_by(settings)


def test_a_database_that_existed_is_not_switched(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    name = quote_name(settings.sql_db)
    execute(
        master, f"ALTER DATABASE {name} SET READ_COMMITTED_SNAPSHOT OFF WITH ROLLBACK IMMEDIATE"
    )

    told = told_by(settings)

    assert not query_scalar(master, ROW_VERSIONS, settings.sql_db)
    assert [line for line in told if "READ_COMMITTED_SNAPSHOT is off" in line]


def test_a_level_without_openjson_is_told(
    microsoft_database: SQLServerDatabase, master: Engine
) -> None:
    settings = microsoft_database.settings()
    name = quote_name(settings.sql_db)
    execute(master, f"ALTER DATABASE {name} SET COMPATIBILITY_LEVEL = 120")
    engine = make_engine(settings)

    with pytest.raises(IncompatibleDatabaseError, match="compatibility level 120"):
        check_compatibility_level(engine)
    with pytest.raises(SetupError, match=r"SET COMPATIBILITY_LEVEL = 130"):
        told_by(settings)

    engine.dispose()
