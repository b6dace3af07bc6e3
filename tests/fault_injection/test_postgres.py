"""The PostgreSQL server of the fault-injection tests."""

from contextlib import closing

import psycopg

from tests.support.postgres import PostgreSQL


def test_a_database_without_the_table_has_no_rows(database: PostgreSQL) -> None:
    assert [] == database.rows()


def test_a_killed_server_keeps_exactly_the_committed_rows(database: PostgreSQL) -> None:
    with closing(psycopg.connect(database.url)) as writer:
        writer.execute("CREATE TABLE metrics (id uuid, text text)")
        writer.execute("INSERT INTO metrics VALUES (gen_random_uuid(), 'committed 😀')")
        writer.commit()
        writer.execute("INSERT INTO metrics VALUES (gen_random_uuid(), 'not committed')")

        database.kill()

    database.start()
    assert ["committed 😀"] == [text for _, text in database.rows()]


def test_a_stopped_server_can_be_restarted_on_its_port(database: PostgreSQL) -> None:
    address = database.address

    database.stop()
    database.start()

    assert (address, []) == (database.address, database.rows())
