"""A database on the SQL Server that the environment names, for one test."""

import os
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.admin.setup import set_up
from db.database.engine import make_engine
from db.database.tsql import execute, quote_name
from db.settings import SetupSettings
from tests.support.database import Row
from tests.support.stored import stored
from tests.support.tds.drivers import find_driver

ENVIRONMENT = dict(os.environ)  # before a fixture removes the developer's settings
REQUEST = "TEST_SQL_SERVER"
NEEDED = ("SQL_SERVER", "SA_PASSWORD")
USED = (*NEEDED, "SQL_PORT", "SQL_ADMIN_USER", "SQL_DRIVER", "SQL_TRUST_SERVER_CERTIFICATE")
ADMIN_ONLY = {"SQL_ADMIN_USER", "SA_PASSWORD"}


def variables_or_skip() -> dict[str, str]:
    """Return the variables that name a server and its administrator; skip the test without them."""
    if ENVIRONMENT.get(REQUEST) != "1":
        pytest.skip(
            "SQL Server is tested by `make test-sqlserver` only: tests create and drop databases "
            "and logins there"
        )
    missing = [name for name in NEEDED if not ENVIRONMENT.get(name)]
    if missing:
        pytest.skip(f"no SQL Server to test on: {', '.join(missing)} not set")
    return {name: ENVIRONMENT[name] for name in USED if name in ENVIRONMENT}


def driver_variables(name: str) -> dict[str, str]:
    """Return the variable that selects Microsoft's driver or FreeTDS; skip if it is missing."""
    return {"SQL_DRIVER": find_driver(name)}


class SQLServerDatabase:
    """A database and its logins, as `python -m db setup` creates them, dropped with the context.

    No other database or login is touched.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        name = f"sentiment_test_{uuid4().hex}"
        self._variables = variables | {
            "SQL_DB": name,
            "SQL_USER": f"{name}_service",
            "SQL_PASSWORD": f"Service-{uuid4().hex}",
        }
        self._reader = {
            "grafana_reader_user": f"{name}_reader",
            "grafana_reader_password": f"Reader-{uuid4().hex}",
        }
        settings = self.settings()
        address = settings.server_address(settings.url())
        self.address = (address.host, address.port or 0)

    def __enter__(self) -> "SQLServerDatabase":
        set_up(self.settings(), lambda _: None)
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def settings(self) -> SetupSettings:
        """Return settings with this database and its administrator."""
        fields = {name.lower(): value for name, value in self._variables.items()}
        return SetupSettings.model_validate(fields | self._reader)

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a ``port``, through a proxy on localhost."""
        proxy = {} if port is None else {"SQL_SERVER": "localhost", "SQL_PORT": str(port)}
        return {
            name: value
            for name, value in (self._variables | proxy).items()
            if name not in ADMIN_ONLY
        }

    def rows(self) -> list[Row]:
        """Return the id and the text of each row."""
        return [(str(row.id), row.text or "") for row in stored(self.settings())]

    def drop(self) -> None:
        """Drop the database and its logins."""
        settings = self.settings()
        server = make_engine(settings, settings.admin_url("master"))
        _drop_database(server, settings.sql_db)
        for login in (settings.sql_user, settings.grafana_reader_user):
            _drop_login(server, login or "")
        server.dispose()


def _drop_database(server: Engine, name: str) -> None:
    quoted = quote_name(name)
    with suppress(DBAPIError):  # a server other than Microsoft's may not know this
        execute(server, f"ALTER DATABASE {quoted} SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
    execute(server, f"DROP DATABASE {quoted}")


def _drop_login(server: Engine, name: str) -> None:
    """Drop a login after its sessions, during which it cannot be dropped."""
    with suppress(DBAPIError):  # as above
        with server.connect() as connection:
            sessions = connection.exec_driver_sql(
                "SELECT session_id FROM sys.dm_exec_sessions WHERE login_name = ?", (name,)
            ).all()
        for (session,) in sessions:
            execute(server, f"KILL {int(session)}")
    with suppress(DBAPIError):
        execute(server, f"DROP LOGIN {quote_name(name)}")
