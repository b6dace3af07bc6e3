"""What an error means is read off its SQLSTATE, whoever's error it is."""

import sqlite3
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError, ResourceClosedError

from db.database.engine import make_engine
from db.prediction import NotAPredictionError
from db.settings import DatabaseSettings
from db.spool.spool import SpoolError
from db.writing.errors import ErrorKind, classify, is_login_refused, sqlstate
from tests.support.postgres import PostgreSQL


class OdbcError(Exception):
    """An error as pyodbc makes it: the SQLSTATE, then a message with the server's number."""

    def __init__(self, state: str, message: str = "", number: int = 0) -> None:
        super().__init__(state, f"[{state}] [Microsoft][SQL Server]{message} ({number}) (SQLExec)")


def wrapped(error: Exception, invalidated: bool = False) -> DBAPIError:
    """Wrap a driver's error as SQLAlchemy does."""
    return DBAPIError("INSERT", {}, error, connection_invalidated=invalidated)


def sqlite_error(statement: str, *setup: str) -> sqlite3.Error:
    """Provoke an error of SQLite."""
    connection = sqlite3.connect(":memory:")
    for each in setup:
        connection.execute(each)
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    connection.close()
    return caught.value


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08001", ErrorKind.TRANSIENT),
        ("08S01", ErrorKind.TRANSIENT),
        ("40001", ErrorKind.TRANSIENT),
        ("HYT00", ErrorKind.TRANSIENT),
        ("HYT01", ErrorKind.TRANSIENT),
        ("22001", ErrorKind.DATA),
        ("22018", ErrorKind.DATA),
        ("23000", ErrorKind.DATA),
        ("28000", ErrorKind.PERMANENT),
        ("42S02", ErrorKind.PERMANENT),
        ("IM002", ErrorKind.PERMANENT),
        ("42000", ErrorKind.UNKNOWN),
        ("HY000", ErrorKind.UNKNOWN),
    ],
)
def test_errors_of_odbc_are_sorted_by_their_sqlstate(state: str, kind: ErrorKind) -> None:
    assert kind == classify(wrapped(OdbcError(state)))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (229, ErrorKind.PERMANENT),
        (4060, ErrorKind.PERMANENT),
        (1205, ErrorKind.TRANSIENT),
        (9002, ErrorKind.TRANSIENT),
        (8645, ErrorKind.TRANSIENT),
        (8114, ErrorKind.DATA),
        (13609, ErrorKind.DATA),
        (1, ErrorKind.UNKNOWN),
        (18470, ErrorKind.PERMANENT),
        (18486, ErrorKind.PERMANENT),
        (18488, ErrorKind.PERMANENT),
        (18401, ErrorKind.TRANSIENT),
        (20003, ErrorKind.TRANSIENT),
        (20004, ErrorKind.TRANSIENT),
        (20047, ErrorKind.TRANSIENT),
    ],
)
def test_where_sql_server_says_no_more_than_42000_its_number_tells(
    number: int, kind: ErrorKind
) -> None:
    assert kind == classify(wrapped(OdbcError("42000", "something happened", number)))


def test_a_connection_that_freetds_lost_is_no_mere_warning() -> None:
    error = OdbcError("01000", "Unexpected EOF from the server", 20017)

    assert ErrorKind.TRANSIENT == classify(error)


def test_a_server_that_starts_refuses_logins_only_for_now() -> None:
    error = OdbcError("28000", "Login failed. Server is in script upgrade mode.", 18401)

    assert ErrorKind.TRANSIENT == classify(wrapped(error))


def connecting(error: Exception) -> DBAPIError:
    """Wrap a driver's error as SQLAlchemy does if there is no connection yet."""
    return DBAPIError(None, None, error, connection_invalidated=True)


@pytest.mark.parametrize(
    ("error", "is_refused"),
    [
        (OdbcError("28000", "Login failed for user 'u'.", 18456), True),
        (OdbcError("42000", "the account is currently locked out.", 18486), True),
        (OdbcError("42000", "The account is disabled.", 18470), True),
        (OdbcError("28000", "Cannot open database. (4060); Login failed", 18456), False),
        (OdbcError("08001", "TCP Provider: Error code 0x2746", 10054), False),
        (psycopg.errors.InvalidPassword(), True),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "u"'), True),
        (psycopg.OperationalError('FATAL:  PAM authentication failed for user "u"'), True),
        (psycopg.OperationalError('FATAL:  role "u" does not exist'), True),
        (psycopg.OperationalError('FATAL:  database "d" does not exist'), False),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), False),
        (psycopg.OperationalError("connection refused"), False),
    ],
)
def test_a_refused_login_is_told_from_what_may_be_tried_at_any_rate(
    error: Exception, is_refused: bool
) -> None:
    at_work = DBAPIError("INSERT", {}, error)

    assert is_refused == is_login_refused(DBAPIError(None, None, error))
    assert not is_login_refused(at_work)


@pytest.mark.parametrize(
    "message",
    [
        "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed]",
        "server does not support SSL, but SSL was required",
        'root certificate file "/root.crt" does not exist',
        'server certificate for "other" does not match host name "database"',
    ],
)
def test_a_server_that_cannot_be_trusted_is_for_somebody_to_mend(message: str) -> None:
    for error in (OdbcError("08001", message), psycopg.OperationalError(message)):
        assert ErrorKind.PERMANENT == classify(connecting(error))
        assert not is_login_refused(connecting(error))


def test_a_number_that_a_text_contains_does_not_outweigh_the_sqlstate() -> None:
    error = OdbcError("22001", "would be truncated. Truncated value: 'call me (1205)'", 2628)

    assert ErrorKind.DATA == classify(wrapped(error))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.ConnectionFailure(), ErrorKind.TRANSIENT),
        (psycopg.errors.AdminShutdown(), ErrorKind.TRANSIENT),
        (psycopg.errors.CannotConnectNow(), ErrorKind.TRANSIENT),
        (psycopg.errors.TooManyConnections(), ErrorKind.TRANSIENT),
        (psycopg.errors.DiskFull(), ErrorKind.TRANSIENT),
        (psycopg.errors.DeadlockDetected(), ErrorKind.TRANSIENT),
        (psycopg.errors.QueryCanceled(), ErrorKind.TRANSIENT),
        (psycopg.errors.LockNotAvailable(), ErrorKind.TRANSIENT),
        (psycopg.errors.ReadOnlySqlTransaction(), ErrorKind.TRANSIENT),
        (psycopg.OperationalError("connection refused"), ErrorKind.TRANSIENT),
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), ErrorKind.TRANSIENT),
        (psycopg.errors.CheckViolation(), ErrorKind.DATA),
        (psycopg.errors.UniqueViolation(), ErrorKind.DATA),
        (psycopg.errors.StringDataRightTruncation(), ErrorKind.DATA),
        (psycopg.DataError("cannot contain NUL (0x00) bytes"), ErrorKind.DATA),
        (psycopg.errors.UndefinedTable(), ErrorKind.PERMANENT),
        (psycopg.errors.InsufficientPrivilege(), ErrorKind.PERMANENT),
        (psycopg.errors.InvalidPassword(), ErrorKind.PERMANENT),
        (psycopg.errors.InvalidCatalogName(), ErrorKind.PERMANENT),
        (psycopg.errors.RaiseException(), ErrorKind.UNKNOWN),
    ],
)
def test_errors_of_postgresql_are_sorted(error: Exception, kind: ErrorKind) -> None:
    assert kind == classify(wrapped(error))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('FATAL:  password authentication failed for user "service"', ErrorKind.PERMANENT),
        ('FATAL:  role "service" does not exist', ErrorKind.PERMANENT),
        ("FATAL:  the database system is starting up", ErrorKind.TRANSIENT),
        ("FATAL:  the database system is shutting down", ErrorKind.TRANSIENT),
        ("FATAL:  sorry, too many clients already", ErrorKind.TRANSIENT),
        ("Connection refused", ErrorKind.TRANSIENT),
    ],
)
def test_connections_that_postgresql_refuses_are_sorted_by_what_it_says(
    message: str, kind: ErrorKind
) -> None:
    error = psycopg.OperationalError(f'connection failed: connection to "127.0.0.1": {message}')

    assert kind == classify(wrapped(error))


def test_a_database_that_is_not_there_is_for_somebody_to_create(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"].rpartition("/")[0] + "/nowhere"
    engine = make_engine(DatabaseSettings(database_url=url))

    with pytest.raises(DBAPIError) as caught:
        engine.connect()

    assert ErrorKind.PERMANENT == classify(caught.value)


@pytest.mark.parametrize(
    ("statement", "setup", "kind"),
    [
        ("INSERT INTO t VALUES (1)", ["CREATE TABLE t (a CHECK (a > 1))"], ErrorKind.DATA),
        ("SELECT * FROM missing", [], ErrorKind.PERMANENT),
        ("INSERT INTO t VALUES (1)", ["CREATE TABLE t (a)", "PRAGMA query_only = 1"],
         ErrorKind.PERMANENT),
    ],
)  # fmt: skip
def test_errors_of_sqlite_are_sorted(statement: str, setup: list[str], kind: ErrorKind) -> None:
    assert kind == classify(wrapped(sqlite_error(statement, *setup)))


def test_a_database_that_others_lock_is_waited_for(tmp_path: Any) -> None:
    first, second = (sqlite3.connect(tmp_path / "db", timeout=0) for _ in range(2))
    first.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError) as caught:
        second.execute("BEGIN IMMEDIATE")
    first.close()
    second.close()

    assert ErrorKind.TRANSIENT == classify(wrapped(caught.value))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (wrapped(OdbcError("23000"), invalidated=True), ErrorKind.TRANSIENT),
        (NotAPredictionError("not a spooled prediction"), ErrorKind.DATA),
        (SpoolError("the spool cannot be written"), ErrorKind.TRANSIENT),
        (ValueError("some other value"), ErrorKind.UNKNOWN),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), ErrorKind.DATA),
        (InvalidRequestError("SQLAlchemy's own"), ErrorKind.UNKNOWN),
        (ResourceClosedError("This Connection is closed"), ErrorKind.TRANSIENT),
        (RuntimeError("anything else"), ErrorKind.UNKNOWN),
    ],
)
def test_other_errors_are_sorted(error: Exception, kind: ErrorKind) -> None:
    assert kind == classify(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OdbcError("08S01"), "08S01"),
        (psycopg.errors.DiskFull(), "53100"),
        (RuntimeError("words"), None),
        (RuntimeError(), None),
        (None, None),
    ],
)
def test_the_sqlstate_is_found_where_there_is_one(
    error: Exception | None, expected: str | None
) -> None:
    assert expected == sqlstate(error)
