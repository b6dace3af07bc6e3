"""Settings of the prediction log, from the environment or `.env`."""

import os
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict  # pydantic's own settings library
from sqlalchemy import URL

from db.database.server_address import ServerAddress, ServerAddressError, parse_server_address
from db.database.url import DatabaseUrlError, parse_url
from env_file.check import env_file_problem
from env_file.values import login_problem

NonEmpty = Annotated[str, StringConstraints(min_length=1)]
SQLITE_PATH = Path("data/predictions.sqlite3")
SPOOL_DIR = Path("data/spool")


class SettingsError(Exception):
    """A setting has an invalid value."""

    def __init__(self, variable: str, problem: str, remedy: str) -> None:
        super().__init__(f"{variable} {problem}. {remedy}")


class DatabaseSettings(BaseSettings):
    """Settings of the prediction log, read once at start.

    ``DATABASE_URL`` overrides ``SQL_*``; without either, predictions go to a SQLite file.
    """

    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr | None = None  # may contain a password
    sql_server: NonEmpty | None = None
    sql_port: Annotated[int, Field(ge=1, le=65535)] | None = (
        None  # if unset, the one in SQL_SERVER, or 1433
    )
    sql_user: NonEmpty | None = None
    sql_password: SecretStr | None = None
    sql_db: NonEmpty = "sentiment"
    sql_driver: NonEmpty | None = None  # if unset, `db.database.odbc` chooses one
    sql_trust_server_certificate: bool = False
    database_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30
    store_text: bool = True
    spool_dir: Path = SPOOL_DIR
    spool_max_rows: Annotated[int, Field(ge=1, le=10**9)] = 100_000
    spool_max_mb: Annotated[float, Field(gt=0, le=10**6)] = 256

    @classmethod
    def read(cls) -> Self:
        """Read and check all settings. Raises SettingsError for the first invalid variable."""
        env_file = Path(str(cls.model_config.get("env_file")))
        if (problem := env_file_problem(env_file)) is not None:
            raise SettingsError(str(env_file), *problem)
        try:
            return cls()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            variable = str(first["loc"][0]).upper()
            value = "" if _is_secret(cls, first["loc"][0]) else f" = {first['input']!r}"
            raise SettingsError(
                f"{variable}{value}",
                f"is not valid: {first['msg']}",
                "Correct it in the environment or in .env; .env.example explains it",
            ) from None  # its text may contain a secret

    def url(self) -> URL:
        """Return the database's URL, with an absolute path for SQLite. Raises SettingsError."""
        if self.database_url is not None:
            return _with_absolute_path(_parse_url(self.database_url))
        if self.sql_server is None:
            return _with_absolute_path(URL.create("sqlite", database=str(SQLITE_PATH)))
        _parse_address(
            "SQL_SERVER", self.sql_server, self.sql_port
        )  # checked before its text is shown
        if self.sql_user is None or self.sql_password is None:
            raise SettingsError(
                "SQL_USER or SQL_PASSWORD",
                f"is not set, but SQL_SERVER is ({self.sql_server!r})",
                "Set both, or unset SQL_SERVER to record into SQLite",
            )
        return self._sql_server_url(self.sql_user, self.sql_password, self.sql_db)

    @property
    def has_explicit_database(self) -> bool:
        """Return whether a database was configured rather than the default SQLite file."""
        return self.database_url is not None or self.sql_server is not None

    @property
    def uses_sql_variables(self) -> bool:
        """Return whether SQL_* rather than DATABASE_URL name the database."""
        return self.database_url is None and self.sql_server is not None

    def server_address(self, url: URL) -> ServerAddress:
        """Return the address of SQL Server in a URL. Raises SettingsError."""
        variable = "SQL_SERVER" if self.uses_sql_variables else "The host in DATABASE_URL"
        return _parse_address(variable, url.host or "", url.port)

    def login_variables(self, _user: str | None) -> tuple[str, str]:
        """Return the variables of a login's name and password."""
        return "SQL_USER", "SQL_PASSWORD"

    def _sql_server_url(self, user: str, password: SecretStr, database: str) -> URL:
        address = _parse_address("SQL_SERVER", self.sql_server or "", self.sql_port)
        return URL.create(
            "mssql+pyodbc",
            username=user,
            password=password.get_secret_value(),
            host=address.server,
            port=address.port,
            database=database,
        )


class SetupSettings(DatabaseSettings):
    """Settings for `python -m db setup`: the administrator's login, and Grafana's."""

    sql_admin_user: NonEmpty = "sa"
    sa_password: SecretStr | None = None  # of sql_admin_user
    grafana_reader_user: NonEmpty = "grafana_reader"
    grafana_reader_password: SecretStr | None = None

    def admin_url(self, database: str | None = None) -> URL:
        """Return the URL of a login that may change tables and delete rows.

        On SQL Server that is the administrator, in SQL_DB or another ``database``. Raises
        SettingsError if SA_PASSWORD is not set.
        """
        if not self.uses_sql_variables:
            return self.url()
        if self.sa_password is None:
            raise SettingsError(
                "SA_PASSWORD",
                f"is not set, but this command needs the administrator ({self.sql_admin_user!r})",
                "Set it in the environment or in .env",
            )
        return self._sql_server_url(self.sql_admin_user, self.sa_password, database or self.sql_db)

    def login_url(self, user: str, password: SecretStr) -> URL:
        """Return the URL of another login to SQL_DB on SQL Server."""
        return self._sql_server_url(user, password, self.sql_db)

    def login_variables(self, user: str | None) -> tuple[str, str]:
        """Return the variables of a login's name and password."""
        if user == self.sql_admin_user:
            return "SQL_ADMIN_USER", "SA_PASSWORD"
        if user == self.grafana_reader_user:
            return "GRAFANA_READER_USER", "GRAFANA_READER_PASSWORD"
        return super().login_variables(user)

    def check_grafana_login(self) -> None:
        """Check name and password of Grafana's login. Raises SettingsError."""
        if self.grafana_reader_password is None:
            return
        values = {
            "GRAFANA_READER_USER": self.grafana_reader_user,
            "GRAFANA_READER_PASSWORD": self.grafana_reader_password.get_secret_value(),
            "SQL_DB": self.sql_db,
        }
        for variable, value in values.items():
            problem, _, remedy = login_problem(value).partition(". ")
            if problem:
                raise SettingsError(variable, problem, remedy)


def _is_secret(settings: type[BaseSettings], field: int | str) -> bool:
    found = settings.model_fields.get(str(field))
    return found is None or SecretStr in (found.annotation, *get_args(found.annotation))


def _parse_url(database_url: SecretStr) -> URL:
    try:
        return parse_url(database_url.get_secret_value())
    except DatabaseUrlError as error:
        raise SettingsError(
            "DATABASE_URL",
            str(error),
            "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///PATH, and"
            " percent-encode @ / : ? # & % in user and password (%40 %2F %3A %3F %23 %26 %25)",
        ) from None


def _parse_address(variable: str, server: str, port: int | None) -> ServerAddress:
    try:
        return parse_server_address(server, port)
    except ServerAddressError as error:
        raise SettingsError(f"{variable}{error.shown}", error.problem, error.remedy) from error


def _with_absolute_path(url: URL) -> URL:
    """Make the path of a SQLite file absolute. Raises SettingsError if it is in memory."""
    if url.get_backend_name() != "sqlite":
        return url
    name = url.database or ""
    if name == "" or ":memory:" in name or url.query.get("mode") == "memory":
        raise SettingsError(
            "DATABASE_URL",
            "is a SQLite database in memory, which loses all predictions at the end",
            f"Set a file: sqlite:///{SQLITE_PATH}",
        )
    return url if name.startswith("file:") else url.set(database=str(Path(name).absolute()))
