"""FreeTDS is told of each server, and given each name and password whole, or refuses in words."""

import configparser
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import odbc
from db.database.engine import make_engine
from db.database.server_address import ServerAddress
from db.settings import DatabaseSettings, SettingsError, SetupSettings
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.drivers import find_driver
from tests.support.tds.server import TDSServer

SETTINGS = {
    "sql_server": "localhost",
    "sql_user": "service",
    "sql_password": "secret",
    "sql_trust_server_certificate": True,
}
# Connect before and after a fork, and be killed.
CONNECT = """
import os, signal, sys
from db.database.engine import make_engine
from db.settings import DatabaseSettings
engine = make_engine(DatabaseSettings.read())
engine.connect().close()
engine.dispose()
child = os.fork()
if child == 0:
    engine.connect().close()
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, sqlalchemy_queries.answer_or_row) as server:
        yield server


@pytest.mark.parametrize("trust", [False, True])
def test_freetds_encrypts_and_checks_unless_told_to_trust(trust: bool) -> None:
    told = configparser.ConfigParser()

    told.read_string("[server]\n" + odbc.freetds_conf(ServerAddress("db.example", 1444), trust))

    server = told["server"]
    assert ("db.example", "1444", "require") == tuple(
        server[key] for key in ("host", "port", "encryption")
    )
    assert trust is not ("ca file" in server)
    assert trust is not ("check certificate hostname" in server)


def test_an_instance_takes_the_place_of_the_port() -> None:
    told = configparser.ConfigParser()

    conf = odbc.freetds_conf(ServerAddress("h", None, "EXPRESS"), True)
    told.read_string("[server]\n" + conf)

    assert ("EXPRESS", False) == (told["server"]["instance"], "port" in told["server"])


@pytest.mark.parametrize("value", ["a;}b", "};", "{a}", "{}"])
@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("sql_user", "SQL_USER"),
        ("sql_password", "SQL_PASSWORD"),
        ("sql_db", "SQL_DB"),
        ("sql_admin_user", "SQL_ADMIN_USER"),
        ("sa_password", "SA_PASSWORD"),
    ],
)
def test_what_freetds_cannot_be_given_is_refused_by_its_own_name(
    field: str, variable: str, value: str
) -> None:
    fields = SETTINGS | {"sa_password": "s", "sql_driver": find_driver("FreeTDS"), field: value}
    settings = SetupSettings.model_validate(fields)
    is_administrators = variable in ("SQL_ADMIN_USER", "SA_PASSWORD")

    with pytest.raises(SettingsError, match=f"^{variable} cannot be used: FreeTDS") as caught:
        make_engine(settings, settings.admin_url() if is_administrators else None)

    assert value not in str(caught.value)


@pytest.mark.parametrize(("url", "part"), [("{}%7D:p@h/d", "user"), ("u:%7B%7D@h/d", "password")])
def test_what_freetds_cannot_be_given_is_refused_in_a_url_too(url: str, part: str) -> None:
    settings = DatabaseSettings.model_validate(
        {"database_url": f"mssql+pyodbc://{url}", "sql_driver": find_driver("FreeTDS")}
    )

    with pytest.raises(SettingsError, match=f"^the {part} in DATABASE_URL cannot be used"):
        make_engine(settings)


def test_servers_of_one_process_are_told_apart(server: TDSServer, tls: ssl.SSLContext) -> None:
    driver = find_driver("FreeTDS")
    with TDSServer(tls, sqlalchemy_queries.answer_or_row) as other:
        engines = [
            make_engine(
                DatabaseSettings.model_validate(
                    SETTINGS | {"sql_driver": driver, "sql_port": each.address[1], "sql_user": name}
                )
            )
            for each, name in ((server, "first"), (other, "second"))
        ]
        for engine in engines:
            engine.connect().close()
            engine.dispose()

    assert [["first"], ["second"]] == [[each.user for each in s.logins] for s in (server, other)]


def test_killed_processes_leave_no_file_and_forked_ones_connect(
    server: TDSServer, repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = os.environ | {name.upper(): str(value) for name, value in SETTINGS.items()}
    environment |= {"SQL_PORT": str(server.address[1]), "SQL_DRIVER": find_driver("FreeTDS")}

    done = subprocess.run(
        [sys.executable, "-c", CONNECT],
        cwd=repository,
        env=environment | {"TMPDIR": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )

    assert -signal.SIGKILL == done.returncode, done.stderr
    assert 2 == len(server.logins)
    assert not list(folder.iterdir())
