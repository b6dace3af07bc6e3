"""If any answer of PostgreSQL gets lost, the writer retries and loses no row."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from db.admin.setup import set_up
from db.admin.setup_retries import SetupError
from db.database.engine import make_engine
from db.database.migrations import migrate
from db.prediction_logger import PredictionLogger
from db.settings import DatabaseSettings, SetupSettings
from db.writing.metrics import prediction_log_metrics
from tests.support.postgres import PostgreSQL
from tests.support.predictions import prediction
from tests.support.proxy import Proxy
from tests.support.server import eventually

REQUESTS = 40
AT_ONCE = 14  # threads, which mostly wait; the server accepts 40 connections
TIMEOUT_S = 0.5
HANGS_S = 30  # far longer than one attempt


@dataclass(frozen=True)
class Run:
    """The result of one run: ``stored`` counts the rows in the database for each recorded id."""

    requests: int
    dropped_bytes: int
    has_retried: bool
    stored: dict[str, int]


def run(server: PostgreSQL, name: str, folder: Path, requests: int) -> Run:
    """Record rows, and drop all answers after ``requests`` requests until the writer retries."""
    with Proxy(server.address) as proxy:
        url = make_url(server.environment(proxy.port)["DATABASE_URL"]).set(database=name)
        settings = DatabaseSettings(
            database_url=SecretStr(str(url)),
            spool_dir=folder / str(requests),
            database_timeout_s=TIMEOUT_S,
        )
        made = []

        def is_swallowing() -> bool:
            made.append(prediction())
            log.record(made[-1:])
            return proxy.seen.dropped_bytes > 0

        with closing(PredictionLogger(settings)) as log:
            proxy.drop_answers(requests)
            log.open()
            eventually(is_swallowing, HANGS_S)
            has_retried = has_reconnected(proxy)
            proxy.restore()
            ids = {str(row.id) for row in made}
            eventually(lambda: ids <= set(count(server, name)), HANGS_S)
        stored = count(server, name)
        return Run(requests, proxy.seen.dropped_bytes, has_retried, {i: stored[i] for i in ids})


def has_reconnected(proxy: Proxy) -> bool:
    """Return whether the writer opens another connection."""
    before = proxy.seen.connections
    try:
        eventually(lambda: proxy.seen.connections > before, HANGS_S)
    except AssertionError:
        return False
    return True


def count(server: PostgreSQL, name: str) -> Counter[str]:
    """Count the rows of each id, none if there is no table."""
    url = str(make_url(server.url).set(database=name))
    with psycopg.connect(url) as connection:
        try:
            rows = connection.execute("SELECT id::text FROM metrics").fetchall()
        except psycopg.errors.UndefinedTable:
            return Counter()
    return Counter(id_ for (id_,) in rows)


def create(server: PostgreSQL, name: str) -> DatabaseSettings:
    """Create a database; return its settings."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = make_url(server.environment()["DATABASE_URL"]).set(database=name)
    return DatabaseSettings(database_url=SecretStr(str(url)))


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "used"])
def test_the_writer_retries_after_any_lost_answer(
    postgresql: PostgreSQL, tmp_path: Path, is_new: bool
) -> None:
    names = {number: f"new_{number}" if is_new else "used" for number in range(REQUESTS)}
    for name in set(names.values()):
        settings = create(postgresql, name)
        if not is_new:
            engine = make_engine(settings)
            migrate(engine)
            engine.dispose()

    prediction_log_metrics()  # registers them once, before the threads
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda n: run(postgresql, names[n], tmp_path, n), range(REQUESTS)))

    assert [] == [each.requests for each in runs if not each.has_retried]
    assert all(each.dropped_bytes for each in runs)
    assert [] == [each for each in runs if set(each.stored.values()) != {1}]


@pytest.mark.slow
def test_the_set_up_ends_after_any_lost_answer(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.admin.setup_retries.CONNECT_DEADLINE_S", 2)
    requests = range(0, REQUESTS, 4)
    for number in requests:
        create(postgresql, f"set_up_{number}")

    def try_set_up(number: int) -> bool:
        with Proxy(postgresql.address) as proxy:
            url = make_url(postgresql.environment(proxy.port)["DATABASE_URL"])
            settings = SetupSettings(
                database_url=SecretStr(str(url.set(database=f"set_up_{number}"))),
                database_timeout_s=TIMEOUT_S,
            )
            proxy.drop_answers(number)
            thread = threading.Thread(target=_set_up, args=[settings], daemon=True)
            thread.start()
            thread.join(HANGS_S)
            return not thread.is_alive()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert all(pool.map(try_set_up, requests))


def _set_up(settings: SetupSettings) -> None:
    with suppress(SetupError):
        set_up(settings, lambda _: None)


def test_a_service_ends_although_the_database_does_not_answer(
    postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.prediction_logger.DRAIN_TIMEOUT_S", 1)
    create(postgresql, "ending")
    with Proxy(postgresql.address) as proxy:
        url = make_url(postgresql.environment(proxy.port)["DATABASE_URL"]).set(database="ending")
        settings = DatabaseSettings(
            database_url=SecretStr(str(url)), spool_dir=tmp_path, database_timeout_s=3600
        )
        recorder = PredictionLogger(settings)
        recorder.open()
        first = prediction()
        recorder.record([first])
        eventually(lambda: str(first.id) in count(postgresql, "ending"), HANGS_S)
        proxy.stall()
        recorder.record([prediction()])

        closing_thread = threading.Thread(target=recorder.close, daemon=True)
        closing_thread.start()
        closing_thread.join(HANGS_S)
        has_ended = not closing_thread.is_alive()

    assert has_ended
