"""A SQL Server that runs somewhere: the variables name it, and the tests get databases on it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from db.engine import make_engine
from db.settings import SetupSettings
from db.setup import quoted_name, set_up
from tests.database import Row
from tests.stored import stored

NEEDED = ("SQL_SERVER", "SQL_USER", "SQL_PASSWORD", "SA_PASSWORD")
TAKEN = (*NEEDED, "SQL_PORT", "SQL_DRIVER", "SQL_TRUST_SERVER_CERTIFICATE")
CONSENT = "TEST_SQL_SERVER"
READER_PASSWORD = f"Reader-{uuid4().hex}"


class SQLServerDatabase:
    """A database of its own, set up as `python -m db setup` does; deleted with the context."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = {name: variables[name] for name in TAKEN if name in variables} | {
            "SQL_DB": f"sentiment_test_{uuid4().hex}"
        }
        settings = self.settings()
        self.address = (settings.sql_server or "", settings.sql_port)

    def __enter__(self) -> "SQLServerDatabase":
        set_up(self.settings(), lambda _: None)
        return self

    def __exit__(self, *_: object) -> None:
        settings = self.settings()
        engine = make_engine(settings, settings.administrators_url("master"))
        name = quoted_name(settings.sql_db)
        with engine.connect() as connection:
            with suppress(DBAPIError):  # a server that only speaks the protocol may not know it
                connection.exec_driver_sql(
                    f"ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"
                )
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        engine.dispose()

    def settings(self) -> SetupSettings:
        """Return the settings that name this database."""
        fields = {name.lower(): value for name, value in self._variables.items()}
        return SetupSettings.model_validate(fields | {"grafana_reader_password": READER_PASSWORD})

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the service's variables; with a port of the loopback, through a proxy there."""
        variables = {
            name: value for name, value in self._variables.items() if name != "SA_PASSWORD"
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


def skip_module_without_a_server() -> None:
    """Skip the module that is being imported unless the variables name a server for tests."""
    if os.environ.get(CONSENT) != "1":
        pytest.skip(
            "no SQL Server is tested unless `make test-sqlserver` asks for it: databases come and "
            "go there, and logins get other passwords",
            allow_module_level=True,
        )
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(
            f"no SQL Server is named: {', '.join(missing)} not set", allow_module_level=True
        )
