"""The proxy of the fault-injection tests, between PostgreSQL and a client."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.postgres import PostgreSQL
from tests.support.proxy import Proxy, Trap
from tests.support.server import eventually

INSERT = "INSERT INTO metrics VALUES (gen_random_uuid(), 'a row')"
PROMPT_S = 10  # for steps of milliseconds
A_WHILE_S = 0.3


@pytest.fixture(name="client")
def fixture_client(database: PostgreSQL, proxy: Proxy) -> Iterator[psycopg.Connection]:
    """Return a connection through the proxy to a database with an empty table."""
    with psycopg.connect(database.url, autocommit=True) as direct:
        direct.execute("CREATE TABLE metrics (id uuid, text text)")
    client = connect(database, proxy)
    yield client
    client.close()


@pytest.fixture(name="aside")
def fixture_aside() -> Iterator[ThreadPoolExecutor]:
    """Return a thread for calls that hang."""
    with ThreadPoolExecutor(1) as aside:
        yield aside


def connect(database: PostgreSQL, proxy: Proxy) -> psycopg.Connection:
    """Connect through the proxy."""
    url = database.environment(proxy.port)["DATABASE_URL"].replace("+psycopg", "")
    return psycopg.connect(url, connect_timeout=PROMPT_S)


def test_a_proxy_passes_both_ways(database: PostgreSQL, client: psycopg.Connection) -> None:
    client.execute(INSERT)
    client.commit()

    assert 1 == len(database.rows())
    assert "x" * 500_000 == client.execute("SELECT repeat('x', 500000)").fetchone()[0]


def test_a_cut_breaks_connections_and_refuses_new_ones_until_restored(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection
) -> None:
    proxy.cut()

    with pytest.raises(psycopg.OperationalError):
        client.execute(INSERT)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect(database, proxy)
    proxy.restore()
    connect(database, proxy).close()
    assert 2 == proxy.seen.connections


def test_a_killed_server_closes_the_connections(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection
) -> None:
    database.kill()

    with pytest.raises(psycopg.OperationalError):
        client.execute(INSERT)
    with pytest.raises(psycopg.OperationalError):
        connect(database, proxy)


def test_a_stall_holds_bytes_back_until_restored(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection, aside: ThreadPoolExecutor
) -> None:
    client.execute(INSERT)
    proxy.stall()

    commit = aside.submit(client.commit)

    with pytest.raises(TimeoutError):
        commit.result(A_WHILE_S)
    assert [] == database.rows()
    proxy.restore()
    commit.result(PROMPT_S)
    assert 1 == len(database.rows())


def test_a_commit_held_in_a_stall_arrives_after_its_client_has_left(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection
) -> None:
    client.execute(INSERT)
    proxy.stall()
    client.pgconn.send_query(b"COMMIT")
    client.pgconn.flush()

    client.close()

    assert [] == database.rows()
    proxy.restore()
    eventually(lambda: 1 == len(database.rows()), PROMPT_S)


def test_a_cut_drops_what_a_stall_held_back(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection, aside: ThreadPoolExecutor
) -> None:
    client.execute(INSERT)
    proxy.stall()
    commit = aside.submit(client.commit)
    with pytest.raises(TimeoutError):
        commit.result(A_WHILE_S)

    proxy.cut()

    with pytest.raises(psycopg.OperationalError):
        commit.result(PROMPT_S)
    proxy.restore()
    assert [] == database.rows()


def test_a_delay_applies_to_both_directions(proxy: Proxy, client: psycopg.Connection) -> None:
    proxy.delay(A_WHILE_S)

    start_s = time.monotonic()
    client.execute("SELECT 1")

    assert 2 * A_WHILE_S <= time.monotonic() - start_s


def test_an_interruption_cuts_once_before_the_given_request(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection
) -> None:
    proxy.interrupt(requests=2)  # after BEGIN and the insert
    client.execute(INSERT)

    with pytest.raises(psycopg.OperationalError):
        client.commit()

    assert (1, []) == (proxy.seen.interrupted, database.rows())
    connect(database, proxy).close()


@pytest.mark.parametrize(("trap", "stored"), [(Trap.BEFORE_COMMIT, 0), (Trap.AFTER_COMMIT, 1)])
def test_a_trap_cuts_one_commit_before_or_after_the_server(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection, trap: Trap, stored: int
) -> None:
    proxy.set_trap(trap)
    client.execute(INSERT)

    with pytest.raises(psycopg.OperationalError):
        client.commit()

    assert (1, stored) == (proxy.seen.trapped_commits, len(database.rows()))
    with connect(database, proxy) as another:
        another.execute(INSERT)
    assert stored + 1 == len(database.rows())


def test_a_trap_ignores_commits_without_an_insert(proxy: Proxy, client: psycopg.Connection) -> None:
    proxy.set_trap(Trap.BEFORE_COMMIT)

    client.execute("SELECT 1")
    client.commit()

    assert 0 == proxy.seen.trapped_commits


def test_dropped_answers_do_not_reach_the_client_although_the_server_has_committed(
    database: PostgreSQL, proxy: Proxy, client: psycopg.Connection, aside: ThreadPoolExecutor
) -> None:
    proxy.drop_answers(requests=3)  # BEGIN, the insert, COMMIT

    client.execute(INSERT)
    commit = aside.submit(client.commit)

    eventually(lambda: proxy.seen.dropped_bytes, PROMPT_S)
    assert (False, 1) == (commit.done(), len(database.rows()))
    proxy.cut()
    with pytest.raises(psycopg.OperationalError):
        commit.result(PROMPT_S)
