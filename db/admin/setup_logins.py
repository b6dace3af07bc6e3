"""The logins that a set-up makes, and what each may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import SecretStr

from db.database.schema import METRICS, SCHEMA_VERSION, TRAINING_RUNS
from db.settings import SettingsError, SetupSettings

# Names that every server or database has for others.
RESERVED = frozenset({"sa", "dbo", "guest", "public", "sys", "information_schema"})
SYSTEM_DATABASES = frozenset({"master", "model", "msdb", "tempdb"})
SERVICE_RIGHTS = MappingProxyType(
    {
        METRICS.name: ("SELECT", "INSERT"),
        TRAINING_RUNS.name: ("SELECT", "INSERT"),
        SCHEMA_VERSION.name: ("SELECT",),
    }
)
READER_RIGHTS = MappingProxyType({METRICS.name: ("SELECT",), TRAINING_RUNS.name: ("SELECT",)})


@dataclass(frozen=True)
class Login:
    """A login with its password, the variables that name both, and its rights by table."""

    name: str
    password: SecretStr = field(repr=False)
    name_variable: str
    password_variable: str
    rights: Mapping[str, tuple[str, ...]]

    @property
    def shown(self) -> str:
        """Return the name with its variable, for messages."""
        return f"{self.name_variable} = {self.name!r}"


def logins_of(settings: SetupSettings) -> list[Login]:
    """Return the service's login, and Grafana's if its password is set.

    Raises SettingsError if one is missing or has the name of another, as the database may not.
    """
    if settings.sql_db.strip().lower() in SYSTEM_DATABASES:
        raise SettingsError(
            f"SQL_DB = {settings.sql_db!r}",
            "is a database of SQL Server itself",
            "Set it to another name, for instance sentiment",
        )
    admin, service, reader = (
        settings.sql_admin_user,
        settings.sql_user,
        settings.grafana_reader_user,
    )
    if (
        service is None
        or settings.sql_password is None
        or not _is_free(service, {admin.lower(), reader.lower()})
    ):
        raise SettingsError(
            f"SQL_USER = {service!r} or SQL_PASSWORD",
            "cannot be the service's login",
            f"Set both, the name to another one than {admin!r} or {reader!r}",
        )
    logins = [Login(service, settings.sql_password, "SQL_USER", "SQL_PASSWORD", SERVICE_RIGHTS)]
    if settings.grafana_reader_password is None:
        return logins
    if not _is_free(reader, {admin.lower()}):
        raise SettingsError(
            f"GRAFANA_READER_USER = {reader!r}",
            "cannot be Grafana's login",
            f"Set it to another name than {admin!r}",
        )
    password = settings.grafana_reader_password
    variables = ("GRAFANA_READER_USER", "GRAFANA_READER_PASSWORD")
    return [*logins, Login(reader, password, *variables, READER_RIGHTS)]


def _is_free(name: str, others: set[str]) -> bool:
    """Return whether a login may have a name; SQL Server does not see blanks at its end."""
    return name == name.strip() and name.lower() not in RESERVED | others
