"""A SQL Server that runs somewhere: the variables name it, and the tests get databases on it."""

import os
from collections.abc import Mapping
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

NEEDED = ("SQL_SERVER", "SA_PASSWORD")
TAKEN = (*NEEDED, "SQL_PORT", "SQL_ADMIN_USER", "SQL_DRIVER", "SQL_TRUST_SERVER_CERTIFICATE")
ADMINISTRATORS = {"SQL_ADMIN_USER", "SA_PASSWORD"}
CONSENT = "TEST_SQL_SERVER"


class SQLServerDatabase:
    """A database with logins of its own, as `python -m db setup` makes them.

    They come with the context, and are deleted at its end: no other database or login is touched.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        name = f"sentiment_test_{uuid4().hex}"
        self._variables = {key: variables[key] for key in TAKEN if key in variables} | {
            "SQL_DB": name,
            "SQL_USER": f"{name}_service",
            "SQL_PASSWORD": f"Service-{uuid4().hex}",
        }
        self._reader = {
            "grafana_reader_user": f"{name}_reader",
            "grafana_reader_password": f"Reader-{uuid4().hex}",
        }
        settings = self.settings()
        address = settings.address_of(settings.url())
        self.address = (address.host, address.port or 0)

    def __enter__(self) -> "SQLServerDatabase":
        set_up(self.settings(), lambda _: None)
        return self

    def __exit__(self, *_: object) -> None:
        settings = self.settings()
        server = make_engine(settings, settings.admin_url("master"))
        drop_database(server, settings.sql_db)
        for login in (settings.sql_user, settings.grafana_reader_user):
            drop_login(server, login or "")
        server.dispose()

    def settings(self) -> SetupSettings:
        """Return the settings that name this database."""
        fields = {name.lower(): value for name, value in self._variables.items()}
        return SetupSettings.model_validate(fields | self._reader)

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a port of the loopback, through a proxy there."""
        variables = {
            name: value for name, value in self._variables.items() if name not in ADMINISTRATORS
        }
        return (
            variables
            if port is None
            else variables
            | {
                "SQL_SERVER": "localhost",
                "SQL_PORT": str(port),
            }
        )

    def rows(self) -> list[Row]:
        """Return the id and the text of all rows."""
        return [(str(row.id), row.text or "") for row in stored(self.settings())]


def drop_database(server: Engine, name: str) -> None:
    """Delete a database, even if it is in use."""
    with suppress(DBAPIError):  # a server that only speaks the protocol may not know it
        execute(
            server, f"ALTER DATABASE {quote_name(name)} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
        )
    execute(server, f"DROP DATABASE {quote_name(name)}")


def drop_login(server: Engine, name: str) -> None:
    """Delete a login, and end its sessions, without which it stays."""
    with suppress(DBAPIError):  # as above
        with server.connect() as connection:
            sessions = connection.exec_driver_sql(
                "SELECT session_id FROM sys.dm_exec_sessions WHERE login_name = ?", (name,)
            ).all()
        for (session,) in sessions:
            execute(server, f"KILL {int(session)}")
    with suppress(DBAPIError):
        execute(server, f"DROP LOGIN {quote_name(name)}")


def skip_module_without_a_server() -> None:
    """Skip the module that is being imported unless the variables name a server for tests."""
    if os.environ.get(CONSENT) != "1":
        pytest.skip(
            "no SQL Server is tested unless `make test-sqlserver` asks for it: databases and "
            "logins come and go there",
            allow_module_level=True,
        )
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(
            f"no SQL Server is named: {', '.join(missing)} not set", allow_module_level=True
        )
