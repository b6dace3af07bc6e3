"""A driver for SQL Server is found and loaded, and configured to verify certificates."""

import configparser
import os
import platform
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from db.database import odbc
from db.database.engine import make_engine
from db.database.server_address import ServerAddress
from db.settings import DatabaseSettings, SettingsError
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.drivers import find_driver, stand_in_settings
from tests.support.tds.server import TDSServer

try:
    import pyodbc
except ImportError:
    pytest.skip(
        "the ODBC driver manager is not installed here (Debian's package: unixodbc)",
        allow_module_level=True,
    )

UNREACHABLE = DatabaseSettings.model_validate(
    {
        "sql_server": "127.0.0.1",
        "sql_port": 1,
        "sql_user": "u",
        "sql_password": "p",
        "database_timeout_s": 1,
    }
)
# Connect before and after a fork, and be killed.
FORK = """
import os, signal
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


def test_microsofts_driver_is_found_in_its_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyodbc, "drivers", list)
    driver = odbc.choose_driver(None)
    if driver is None:
        pytest.skip("the wheel's driver needs a library (Debian's package: libgssapi-krb5-2)")

    assert "libmsodbcsql-18" in driver


def test_microsofts_driver_is_found_in_the_wheel_for_macos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mssql_python_odbc" / "libs" / "macos" / "arm64" / "lib"
    folder.mkdir(parents=True)
    (tmp_path / "mssql_python_odbc" / "__init__.py").touch()
    library = folder / "libmsodbcsql.18.dylib"
    library.symlink_to(pyodbc.__file__)  # any library that can be loaded here
    (folder / "libodbc.2.dylib").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mssql_python_odbc", raising=False)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")

    assert str(library) == odbc.library_of_wheel()


@pytest.mark.parametrize(
    ("registered", "wheel", "expected"),
    [
        (["FreeTDS", odbc.MICROSOFT], "library", odbc.MICROSOFT),
        (["SQLite3", "FreeTDS"], "library", "library"),
        (["SQLite3", "FreeTDS"], None, "FreeTDS"),
    ],
)
def test_a_registered_driver_of_microsofts_is_preferred_then_the_wheels_then_freetds(
    monkeypatch: pytest.MonkeyPatch, registered: list[str], wheel: str | None, expected: str
) -> None:
    monkeypatch.setattr(pyodbc, "drivers", lambda: registered)
    monkeypatch.setattr(odbc, "library_of_wheel", lambda: wheel)

    assert expected == odbc.choose_driver(None)


@pytest.mark.parametrize("driver", [None, "FreeTDS"])
def test_the_driver_is_loaded_and_tries_to_connect(driver: str | None) -> None:
    if odbc.choose_driver(driver) is None:
        pytest.skip("the driver is not installed here (Debian: tdsodbc, libgssapi-krb5-2)")
    engine = make_engine(UNREACHABLE.model_copy(update={"sql_driver": driver}))

    with pytest.raises(pyodbc.Error) as caught:
        engine.raw_connection()

    assert caught.value.args[0] in ("HYT00", "08001", "08S01")  # not 01000: library missing


def test_a_missing_driver_is_an_error_with_the_remedy() -> None:
    settings = UNREACHABLE.model_copy(update={"sql_driver": "No Driver"})

    with pytest.raises(SettingsError, match=r"SQL_DRIVER = 'No Driver' names no ODBC driver.*apt"):
        make_engine(settings)


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://u:p@a_data_source",
        "mssql+pyodbc://u:p@h/d?driver=Mine",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DMine",
    ],
)
def test_a_url_with_a_driver_is_unchanged(url: str) -> None:
    assert make_url(url) == make_engine(DatabaseSettings(database_url=url)).url


@pytest.mark.parametrize("trust", [False, True])
def test_both_drivers_encrypt_and_verify_certificates_unless_set_to_trust_any(trust: bool) -> None:
    attributes = odbc.microsoft_attributes(odbc.MICROSOFT, trust)
    conf = configparser.ConfigParser()

    conf.read_string("[server]\n" + odbc.freetds_conf(ServerAddress("db.example", 1444), trust))

    assert "yes" == attributes["Encrypt"]
    assert ("yes" if trust else "no") == attributes["TrustServerCertificate"]
    server = conf["server"]
    assert ("db.example", "1444", "require") == tuple(
        server[key] for key in ("host", "port", "encryption")
    )
    assert trust is not ("ca file" in server)
    assert trust is not ("check certificate hostname" in server)


def test_freetds_is_given_an_instance_instead_of_a_port() -> None:
    conf = configparser.ConfigParser()

    conf.read_string("[server]\n" + odbc.freetds_conf(ServerAddress("h", None, "EXPRESS"), True))

    assert ("EXPRESS", False) == (conf["server"]["instance"], "port" in conf["server"])


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
def test_the_error_of_a_value_that_freetds_cannot_accept_names_its_variable(
    field: str, variable: str, value: str
) -> None:
    settings = stand_in_settings("FreeTDS", 1433, **({"sa_password": "s"} | {field: value}))
    is_of_admin = variable in ("SQL_ADMIN_USER", "SA_PASSWORD")

    with pytest.raises(SettingsError, match=f"^{variable} cannot be used: FreeTDS") as caught:
        make_engine(settings, settings.admin_url() if is_of_admin else None)

    assert value not in str(caught.value)


@pytest.mark.parametrize(("url", "part"), [("{}%7D:p@h/d", "user"), ("u:%7B%7D@h/d", "password")])
def test_the_error_of_such_a_value_in_a_url_names_its_part(url: str, part: str) -> None:
    settings = DatabaseSettings.model_validate(
        {"database_url": f"mssql+pyodbc://{url}", "sql_driver": find_driver("FreeTDS")}
    )

    with pytest.raises(SettingsError, match=f"^the {part} in DATABASE_URL cannot be used"):
        make_engine(settings)


def test_freetds_distinguishes_several_servers(server: TDSServer, tls: ssl.SSLContext) -> None:
    with TDSServer(tls, sqlalchemy_queries.answer_or_row) as other:
        engines = [
            make_engine(stand_in_settings("FreeTDS", each.address[1], sql_user=name))
            for each, name in ((server, "first"), (other, "second"))
        ]
        for engine in engines:
            engine.connect().close()
            engine.dispose()

    assert [["first"], ["second"]] == [[each.user for each in s.logins] for s in (server, other)]


def test_a_killed_process_leaves_no_file_and_a_forked_one_connects(
    server: TDSServer, repository: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = os.environ | {
        "SQL_SERVER": "localhost",
        "SQL_PORT": str(server.address[1]),
        "SQL_USER": "service",
        "SQL_PASSWORD": "secret",
        "SQL_TRUST_SERVER_CERTIFICATE": "true",
        "SQL_DRIVER": find_driver("FreeTDS"),
        "TMPDIR": str(folder),
    }

    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=repository,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    assert -signal.SIGKILL == done.returncode, done.stderr
    assert 2 == len(server.logins)
    assert not list(folder.iterdir())
