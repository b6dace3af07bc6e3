"""What both drivers for SQL Server really send, and how they say that a login is refused."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from db.database.engine import make_engine
from db.prediction import Prediction
from db.settings import DatabaseSettings
from db.writing.errors import ErrorKind, classify, is_login_refused
from db.writing.insertion import insert_if_absent
from tests.support.predictions import HARD_TEXTS, prediction
from tests.support.tds import sqlalchemy_queries
from tests.support.tds.answers import Answer, Done, Failed, Rows
from tests.support.tds.drivers import DRIVERS, find_driver
from tests.support.tds.requests import Query
from tests.support.tds.server import Admit, TDSServer

NVARCHAR, LONGEST_NVARCHAR = -9, 4000  # a longer text is sent by another type


def answer(query: Query) -> Answer:
    """Answer what the dialect and the drivers ask, and all else with success."""
    if "sp_datatype_info" in query.sql:
        return Rows(
            ["TYPE_NAME", "DATA_TYPE", "PRECISION"], [["nvarchar", NVARCHAR, LONGEST_NVARCHAR]]
        )
    known = sqlalchemy_queries.answer(query)
    if known is not None:
        return known
    return Done(1) if query.sql.startswith("INSERT") else Rows(["number"], [[1]])


@contextmanager
def connected(tls: SSLContext, driver: str, admit: Admit) -> Iterator[tuple[TDSServer, Engine]]:
    """Start a stand-in for SQL Server, and prepare connections to it."""
    with TDSServer(tls, answer, admit) as server:
        settings = DatabaseSettings.model_validate(
            {
                "sql_server": "localhost",
                "sql_port": server.address[1],
                "sql_user": "service",
                "sql_password": "secret",
                "sql_driver": find_driver(driver),
                "sql_trust_server_certificate": True,
            }
        )
        engine = make_engine(settings)
        yield server, engine
        engine.dispose()


@pytest.mark.parametrize("driver", DRIVERS)
def test_texts_arrive_character_by_character_and_an_emoji_in_four_bytes(
    tls: SSLContext, driver: str
) -> None:
    made = [prediction(words) for words in HARD_TEXTS] + [prediction("😀" * 5000)] * 100

    with connected(tls, driver, lambda _: None) as (server, engine):
        with engine.connect() as connection:
            insert_if_absent(connection, [row.to_json() for row in made])
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
def test_a_refused_login_is_known_as_such_and_tried_but_once(
    tls: SSLContext, driver: str, number: int, message: str, is_refused: bool
) -> None:
    refusal = Failed(number, message, 14)

    with connected(tls, driver, lambda _: refusal) as (server, engine):
        with pytest.raises(DBAPIError) as caught:
            engine.connect()
        attempts = len(server.logins)

    assert ErrorKind.PERMANENT == classify(caught.value)
    assert (is_refused, 1) == (is_login_refused(caught.value), attempts)
