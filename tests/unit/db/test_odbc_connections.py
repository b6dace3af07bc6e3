"""Both drivers give SQL Server names and passwords in one piece, and find it where it is."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL

from db.database.engine import make_engine
from db.settings import DatabaseSettings, SettingsError
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.browser import Browser
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.server import TDSServer

# On Linux all of 127.0.0.0/8 is the loopback: an address of its own, where nobody else listens.
HOST_OF_INSTANCES = "127.27.43.59"
VALUES = [
    "a;b",
    "a}b",
    "{a",
    "a=b",
    "a@b",
    "a b",
    " a ",
    "a:/'\"b",
    "[a]]",
    "%41$a",
    "ü€\U0001f600",
]


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, sqlalchemy_queries.answer_or_row) as server:
        yield server


def connect(driver: str, **fields: Any) -> None:
    """Connect once, as the service does."""
    told = {"sql_user": "u", "sql_password": "p", "sql_driver": driver}
    settings = DatabaseSettings.model_validate(
        told | {"sql_trust_server_certificate": True, "database_timeout_s": 10} | fields
    )
    engine = make_engine(settings)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", DRIVERS)
def test_a_name_or_a_password_arrives_whole(name: str, value: str, server: TDSServer) -> None:
    driver, address = find_driver(name), {"sql_server": "localhost", "sql_port": server.address[1]}

    connect(driver, **address, sql_user=value, sql_password=value, sql_db=value)

    (login,) = server.logins
    assert (value, value, value) == (login.user, login.password, login.database)


@pytest.mark.parametrize(
    ("field", "variable"),
    [("sql_user", "SQL_USER"), ("sql_password", "SQL_PASSWORD"), ("sql_db", "SQL_DB")],
)
@pytest.mark.parametrize("name", DRIVERS)
def test_what_sql_server_has_no_room_for_is_refused(name: str, field: str, variable: str) -> None:
    driver, fits = find_driver(name), {field: "x" * 128}
    given = {"sql_server": "h", "sql_user": "u", "sql_password": "p", "sql_driver": driver}

    make_engine(DatabaseSettings.model_validate(given | fits))
    with pytest.raises(
        SettingsError, match=f"{variable} is longer than SQL Server's limit of 128 characters"
    ):
        make_engine(DatabaseSettings.model_validate(given | {field: "x" * 127 + "\U0001f600"}))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", DRIVERS)
def test_so_it_does_from_a_url(name: str, value: str, server: TDSServer) -> None:
    host, port = server.address
    url = URL.create("mssql+pyodbc", value, value, f"{host},{port}", database="d")

    connect(find_driver(name), database_url=SecretStr(url.render_as_string(hide_password=False)))

    (login,) = server.logins
    assert (value, value, "d") == (login.user, login.password, login.database)


@pytest.mark.parametrize("form", ["{},{}", "tcp:{},{}", "{}:{}", " {} , {} "])
@pytest.mark.parametrize("name", DRIVERS)
def test_a_port_in_the_servers_name_is_found(name: str, form: str, server: TDSServer) -> None:
    connect(find_driver(name), sql_server=form.format(*server.address))

    assert 1 == len(server.logins)


@pytest.fixture(name="instance")
def fixture_instance(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in whose port only its host's Browser tells, by the name of EXPRESS."""
    try:
        server = TDSServer(tls, sqlalchemy_queries.answer_or_row, host=HOST_OF_INSTANCES)
        browser = Browser(HOST_OF_INSTANCES, {"EXPRESS": server.address[1]})
        with server, browser:
            yield server
            assert browser.asked
    except OSError as error:
        pytest.skip(f"{HOST_OF_INSTANCES} cannot be listened on here: {error}")


@pytest.mark.parametrize(
    "given",
    [
        {"sql_server": f"{HOST_OF_INSTANCES}\\EXPRESS"},
        {"sql_server": f"tcp:{HOST_OF_INSTANCES}\\EXPRESS"},
        {"database_url": f"mssql+pyodbc://u:p@{HOST_OF_INSTANCES}\\EXPRESS/d"},
    ],
)
@pytest.mark.parametrize("name", DRIVERS)
def test_an_instance_is_found_by_its_name(
    name: str, given: dict[str, str], instance: TDSServer
) -> None:
    connect(find_driver(name), **given)

    assert 1 == len(instance.logins)


@pytest.mark.parametrize("name", DRIVERS)
def test_a_port_that_is_set_is_asked_instead_of_the_browser(name: str, server: TDSServer) -> None:
    host, port = server.address

    connect(find_driver(name), sql_server=f"{host}\\EXPRESS", sql_port=port)

    assert 1 == len(server.logins)


def test_the_default_port_is_that_of_plain_hosts_alone() -> None:
    given = {"sql_user": "u", "sql_password": "p"}
    plain = DatabaseSettings.model_validate(given | {"sql_server": "h"})
    instance = DatabaseSettings.model_validate(given | {"sql_server": "h\\EXPRESS"})

    assert ("h", 1433) == (plain.url().host, plain.url().port)
    assert ("h\\EXPRESS", None) == (instance.url().host, instance.url().port)
