"""Errors are classified by their SQLSTATE, by SQL Server's number or by the driver's words."""

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError, ResourceClosedError

from db.database.engine import make_engine
from db.prediction import NotAPredictionError
from db.settings import DatabaseSettings
from db.spool.spool import SpoolError
from db.writing.errors import ErrorKind, classify, is_login_refused, sqlstate
from tests.support.postgres import PostgreSQL

TRANSIENT, PERMANENT, DATA, UNKNOWN = ErrorKind


class OdbcError(Exception):
    """An error as pyodbc raises it: the SQLSTATE, then a message with the server's number."""

    def __init__(self, state: str, message: str = "", number: int = 0) -> None:
        super().__init__(state, f"[{state}] [Microsoft][SQL Server]{message} ({number}) (SQLExec)")


def by_statement(error: Exception, invalidated: bool = False) -> DBAPIError:
    """Wrap a driver's error as SQLAlchemy does if a statement raised it."""
    return DBAPIError("INSERT", {}, error, connection_invalidated=invalidated)


def while_connecting(error: Exception) -> DBAPIError:
    """Wrap a driver's error as SQLAlchemy does if there is no connection yet."""
    return DBAPIError(None, None, error, connection_invalidated=True)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08001", TRANSIENT),
        ("08S01", TRANSIENT),
        ("40001", TRANSIENT),
        ("HYT00", TRANSIENT),
        ("HYT01", TRANSIENT),
        ("22001", DATA),
        ("22018", DATA),
        ("23000", DATA),
        ("28000", PERMANENT),
        ("42S02", PERMANENT),
        ("IM002", PERMANENT),
        ("42000", UNKNOWN),
        ("HY000", UNKNOWN),
    ],
)
def test_errors_of_odbc_are_classified_by_sqlstate(state: str, kind: ErrorKind) -> None:
    assert kind == classify(by_statement(OdbcError(state)))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (229, PERMANENT),
        (4060, PERMANENT),
        (1205, TRANSIENT),
        (9002, TRANSIENT),
        (8645, TRANSIENT),
        (8114, DATA),
        (13609, DATA),
        (1, UNKNOWN),
        (18470, PERMANENT),
        (18486, PERMANENT),
        (18488, PERMANENT),
        (18401, TRANSIENT),
        (20003, TRANSIENT),
        (20004, TRANSIENT),
        (20047, TRANSIENT),
    ],
)
def test_errors_of_sqlstate_42000_are_classified_by_number(number: int, kind: ErrorKind) -> None:
    assert kind == classify(by_statement(OdbcError("42000", "something happened", number)))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # FreeTDS reports a lost connection as a warning
        (OdbcError("01000", "Unexpected EOF from the server", 20017), TRANSIENT),
        # a starting server refuses logins for now
        (OdbcError("28000", "Login failed. Server is in script upgrade mode.", 18401), TRANSIENT),
        # a number in a text counts less than the SQLSTATE
        (OdbcError("22001", "would be truncated. Truncated value: 'call (1205)'", 2628), DATA),
        (psycopg.errors.ConnectionFailure(), TRANSIENT),
        (psycopg.errors.AdminShutdown(), TRANSIENT),
        (psycopg.errors.CannotConnectNow(), TRANSIENT),
        (psycopg.errors.TooManyConnections(), TRANSIENT),
        (psycopg.errors.DiskFull(), TRANSIENT),
        (psycopg.errors.DeadlockDetected(), TRANSIENT),
        (psycopg.errors.QueryCanceled(), TRANSIENT),
        (psycopg.errors.LockNotAvailable(), TRANSIENT),
        (psycopg.errors.ReadOnlySqlTransaction(), TRANSIENT),
        (psycopg.OperationalError("connection refused"), TRANSIENT),
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), TRANSIENT),
        (psycopg.errors.CheckViolation(), DATA),
        (psycopg.errors.UniqueViolation(), DATA),
        (psycopg.errors.StringDataRightTruncation(), DATA),
        (psycopg.DataError("cannot contain NUL (0x00) bytes"), DATA),
        (psycopg.errors.UndefinedTable(), PERMANENT),
        (psycopg.errors.InsufficientPrivilege(), PERMANENT),
        (psycopg.errors.InvalidPassword(), PERMANENT),
        (psycopg.errors.InvalidCatalogName(), PERMANENT),
        (psycopg.errors.RaiseException(), UNKNOWN),
    ],
)
def test_errors_of_statements_are_classified(error: Exception, kind: ErrorKind) -> None:
    assert kind == classify(by_statement(error))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('FATAL:  password authentication failed for user "service"', PERMANENT),
        ('FATAL:  role "service" does not exist', PERMANENT),
        ("FATAL:  the database system is starting up", TRANSIENT),
        ("FATAL:  the database system is shutting down", TRANSIENT),
        ("FATAL:  sorry, too many clients already", TRANSIENT),
        ("Connection refused", TRANSIENT),
    ],
)
def test_connections_that_postgresql_refuses_are_classified_by_the_message(
    message: str, kind: ErrorKind
) -> None:
    error = psycopg.OperationalError(f'connection failed: connection to "127.0.0.1": {message}')

    assert kind == classify(by_statement(error))


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
def test_a_refused_login_is_known_while_connecting_only(error: Exception, is_refused: bool) -> None:
    assert is_refused == is_login_refused(DBAPIError(None, None, error))
    assert not is_login_refused(by_statement(error))


@pytest.mark.parametrize(
    "message",
    [
        "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed]",
        "server does not support SSL, but SSL was required",
        'root certificate file "/root.crt" does not exist',
        'server certificate for "other" does not match host name "database"',
    ],
)
def test_a_server_without_the_required_tls_is_a_permanent_error(message: str) -> None:
    for error in (OdbcError("08001", message), psycopg.OperationalError(message)):
        assert PERMANENT == classify(while_connecting(error))
        assert not is_login_refused(while_connecting(error))


def test_a_missing_database_is_a_permanent_error(postgresql: PostgreSQL) -> None:
    url = postgresql.environment()["DATABASE_URL"].rpartition("/")[0] + "/nowhere"
    engine = make_engine(DatabaseSettings(database_url=url))

    with pytest.raises(DBAPIError) as caught:
        engine.connect()

    assert PERMANENT == classify(caught.value)


@pytest.mark.parametrize(
    ("setup", "statement", "kind"),
    [
        ("CREATE TABLE t (a CHECK (a > 1))", "INSERT INTO t VALUES (1)", DATA),
        ("", "SELECT * FROM missing", PERMANENT),
        ("CREATE TABLE t (a); PRAGMA query_only = 1", "INSERT INTO t VALUES (1)", PERMANENT),
        ("", "ATTACH '{locked}' AS locked", TRANSIENT),
    ],
)
def test_errors_of_sqlite_are_classified(
    tmp_path: Path, setup: str, statement: str, kind: ErrorKind
) -> None:
    owner = sqlite3.connect(tmp_path / "locked")
    owner.execute("BEGIN EXCLUSIVE")
    connection = sqlite3.connect(":memory:", timeout=0)
    connection.executescript(setup)

    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement.format(locked=tmp_path / "locked"))

    connection.close()
    owner.close()
    assert kind == classify(by_statement(caught.value))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (by_statement(OdbcError("23000"), invalidated=True), TRANSIENT),
        (NotAPredictionError("not a spooled prediction"), DATA),
        (SpoolError("the spool cannot be written"), TRANSIENT),
        (ValueError("some other value"), UNKNOWN),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), DATA),
        (InvalidRequestError("SQLAlchemy's own"), UNKNOWN),
        (ResourceClosedError("This Connection is closed"), TRANSIENT),
        (RuntimeError("anything else"), UNKNOWN),
    ],
)
def test_errors_of_other_parts_are_classified(error: Exception, kind: ErrorKind) -> None:
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
def test_the_sqlstate_is_found_if_there_is_one(
    error: Exception | None, expected: str | None
) -> None:
    assert expected == sqlstate(error)
