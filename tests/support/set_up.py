"""What the tests of a set-up of SQL Server share: settings, and what is expected of them."""

from collections.abc import Callable
from typing import TypeAlias

from tests.support.tds.server import TDSServer

ADMIN, READER = "sa", "grafana_reader"
SERVICE = "tweet]service"
TABLES = "CREATE TABLE metrics (id int)"  # stands for all steps of the schema
SWITCH = "ALTER DATABASE [sentiment] SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE"
RIGHTS = [
    "GRANT SELECT, INSERT ON [metrics] TO [tweet]]service]",
    "GRANT SELECT, INSERT ON [training_runs] TO [tweet]]service]",
    "GRANT SELECT ON [schema_version] TO [tweet]]service]",
]
READERS_RIGHTS = [
    "GRANT SELECT ON [metrics] TO [grafana_reader]",
    "GRANT SELECT ON [training_runs] TO [grafana_reader]",
]
SETTINGS = {
    "sql_server": "localhost",
    "sql_user": SERVICE,
    "sql_password": "it's a secret",
    "sa_password": "the administrator's secret",
    "grafana_reader_password": "the reader's secret",
    "sql_trust_server_certificate": True,
}

SetUp: TypeAlias = Callable[..., list[str]]


def attempts(server: TDSServer, name: str) -> int:
    """Count how often somebody has tried to log in."""
    return sum(login.user == name for login in server.logins)
