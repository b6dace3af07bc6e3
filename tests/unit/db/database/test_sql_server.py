"""Both drivers pass names, passwords and texts to SQL Server unchanged, and find the server."""

import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from db.database.engine import make_engine
from db.prediction import Prediction
from db.settings import DatabaseSettings, SettingsError
from db.writing.errors import ErrorKind, classify, is_login_refused
from db.writing.insertion import insert_if_absent
from tests.support.predictions import HARD_TEXTS, prediction
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Failed, Rows
from tests.support.tds.browser import Browser
from tests.support.tds.drivers import DRIVERS, find_driver, stand_in_settings
from tests.support.tds.requests import Query
from tests.support.tds.server import TDSServer

# On Linux all of 127.0.0.0/8 is the loopback: no other program listens on this address.
HOST_OF_INSTANCES = "127.27.43.59"
NVARCHAR, LONGEST_NVARCHAR = -9, 4000  # a longer text is sent as another type
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


def answer(query: Query) -> Answer:
    """Answer the queries of the dialect and the drivers, and accept all others."""
    if "sp_datatype_info" in query.sql:
        return Rows(
            ["TYPE_NAME", "DATA_TYPE", "PRECISION"], [["nvarchar", NVARCHAR, LONGEST_NVARCHAR]]
        )
    return sqlalchemy_queries.answer(query) or (
        Done(1) if query.sql.startswith("INSERT") else Rows(["number"], [[1]])
    )


@pytest.fixture(name="server")
def fixture_server(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in for SQL Server."""
    with TDSServer(tls, answer) as server:
        yield server


def connect(settings: DatabaseSettings) -> None:
    """Connect once."""
    engine = make_engine(settings)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def settings_without_address(driver: str, **changes: Any) -> DatabaseSettings:
    """Return settings whose address, login or URL are given by ``changes``."""
    fixed = {"sql_driver": find_driver(driver), "sql_trust_server_certificate": True}
    login = {"sql_user": "u", "sql_password": "p"}
    return DatabaseSettings.model_validate(fixed | login | changes)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_names_and_passwords_arrive_unchanged(driver: str, value: str, server: TDSServer) -> None:
    connect(
        stand_in_settings(
            driver, server.address[1], sql_user=value, sql_password=value, sql_db=value
        )
    )

    (login,) = server.logins
    assert (value, value, value) == (login.user, login.password, login.database)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_names_and_passwords_of_a_url_arrive_unchanged(
    driver: str, value: str, server: TDSServer
) -> None:
    host, port = server.address
    url = URL.create("mssql+pyodbc", value, value, f"{host},{port}", database="d")
    secret = SecretStr(url.render_as_string(hide_password=False))

    connect(settings_without_address(driver, database_url=secret))

    (login,) = server.logins
    assert (value, value, "d") == (login.user, login.password, login.database)


@pytest.mark.parametrize(
    ("field", "variable"),
    [("sql_user", "SQL_USER"), ("sql_password", "SQL_PASSWORD"), ("sql_db", "SQL_DB")],
)
@pytest.mark.parametrize("driver", DRIVERS)
def test_names_and_passwords_longer_than_the_limit_are_rejected(
    driver: str, field: str, variable: str
) -> None:
    make_engine(stand_in_settings(driver, 1433, **{field: "x" * 128}))
    too_long = stand_in_settings(driver, 1433, **{field: "x" * 127 + "\U0001f600"})

    with pytest.raises(SettingsError, match=f"{variable} is longer than .* 128 characters"):
        make_engine(too_long)


@pytest.mark.parametrize("form", ["{},{}", "tcp:{},{}", "{}:{}", " {} , {} "])
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_port_in_the_servers_name_is_used(driver: str, form: str, server: TDSServer) -> None:
    connect(settings_without_address(driver, sql_server=form.format(*server.address)))

    assert 1 == len(server.logins)


@pytest.fixture(name="instance")
def fixture_instance(tls: ssl.SSLContext) -> Iterator[TDSServer]:
    """Start a stand-in whose port only its host's Browser knows, as instance EXPRESS."""
    try:
        server = TDSServer(tls, answer, host=HOST_OF_INSTANCES)
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
@pytest.mark.parametrize("driver", DRIVERS)
def test_an_instance_is_found_by_its_name(
    driver: str, given: dict[str, str], instance: TDSServer
) -> None:
    connect(settings_without_address(driver, **given))

    assert 1 == len(instance.logins)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_port_replaces_the_lookup_of_an_instance(driver: str, server: TDSServer) -> None:
    host, port = server.address

    connect(settings_without_address(driver, sql_server=f"{host}\\EXPRESS", sql_port=port))

    assert 1 == len(server.logins)


def test_the_default_port_is_for_hosts_without_an_instance() -> None:
    given = {"sql_user": "u", "sql_password": "p"}
    plain = DatabaseSettings.model_validate(given | {"sql_server": "h"}).url()
    instance = DatabaseSettings.model_validate(given | {"sql_server": "h\\EXPRESS"}).url()

    assert [("h", 1433), ("h\\EXPRESS", None)] == [(u.host, u.port) for u in (plain, instance)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_texts_arrive_unchanged_and_an_emoji_takes_four_bytes(
    driver: str, server: TDSServer
) -> None:
    made = [prediction(words) for words in HARD_TEXTS] + [prediction("😀" * 5000)] * 100
    engine = make_engine(stand_in_settings(driver, server.address[1]))

    with engine.connect() as connection:
        insert_if_absent(connection, [row.to_json() for row in made])
    engine.dispose()

    sent = server.queries[-1].parameters[0]
    assert isinstance(sent, str)
    assert made == [Prediction.from_json(json.dumps(row)) for row in json.loads(sent)]
    assert len(sent.encode("utf-16-le")) < 100 * (4 * 5000 + 1000) + 100_000


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("number", "message", "is_refused"),
    [
        (18456, "Login failed for user 'service'.", True),
        (18470, "Login failed for user 'service'. Reason: The account is disabled.", True),
        (18486, "Login failed for user 'service' because the account is locked out.", True),
        (18487, "Login failed for user 'service'. Reason: The password has expired.", True),
        (18488, "Login failed for user 'service'. Reason: It must be changed.", True),
        (4060, 'Cannot open database "sentiment" requested by the login. It failed.', False),
    ],
)
def test_a_refused_login_is_recognized_and_tried_once(
    tls: ssl.SSLContext, driver: str, number: int, message: str, is_refused: bool
) -> None:
    with TDSServer(tls, answer, lambda _: Failed(number, message, 14)) as server:
        with pytest.raises(DBAPIError) as caught:
            connect(stand_in_settings(driver, server.address[1]))
        attempts = len(server.logins)

    assert ErrorKind.PERMANENT == classify(caught.value)
    assert (is_refused, 1) == (is_login_refused(caught.value), attempts)
