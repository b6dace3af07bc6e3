"""Pruning deletes old rows only, in small transactions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from db.admin.prune import MAX_ROWS_PER_TRANSACTION, keep_pruning, parse_age, prune
from db.database.migrations import migrate
from db.prediction import utc_now
from db.settings import DatabaseSettings
from db.writing.insertion import insert_if_absent
from tests.support.database_fixtures import EVERY_DATABASE
from tests.support.predictions import prediction
from tests.support.stored import stored


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("0d", timedelta()),
    ],
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta) -> None:
    assert age == parse_age(text)


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5d", "90 d", "90w"])
def test_any_other_text_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is not an age: write 90d, 12h or 30m"):
        parse_age(text)


@pytest.mark.parametrize("text", ["900000d", "99999999999d"])
def test_an_age_before_the_year_1_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is before the year 1"):
        parse_age(text)


@EVERY_DATABASE
def test_older_rows_are_deleted_in_small_transactions(
    engine: Engine, settings: DatabaseSettings
) -> None:
    now = utc_now()  # the rows of a batch, here of three transactions, have the same time
    old = [replace(prediction(), timestamp=now - timedelta(days=91)) for _ in range(2500)]
    young = [replace(prediction(), timestamp=now - timedelta(days=89)) for _ in range(10)]
    migrate(engine)
    with engine.begin() as connection:
        insert_if_absent(connection, [row.to_json() for row in [*old, *young]])
    log: list[str] = []

    deleted = prune(engine, timedelta(days=90), log.append)

    assert 2500 == deleted
    assert {row.id for row in young} == {row.id for row in stored(settings)}
    assert [
        f"deleted {count} rows"
        for count in (MAX_ROWS_PER_TRANSACTION, 2 * MAX_ROWS_PER_TRANSACTION, 2500)
    ] == log


@pytest.mark.parametrize("count", [1, MAX_ROWS_PER_TRANSACTION, MAX_ROWS_PER_TRANSACTION + 1])
def test_each_transaction_deletes_one_range_of_few_rows(engine: Engine, count: int) -> None:
    now = utc_now()
    made = [
        replace(prediction(), timestamp=now - timedelta(days=2, seconds=number // 3))
        for number in range(count)
    ]
    migrate(engine)
    with engine.begin() as connection:
        insert_if_absent(connection, [row.to_json() for row in made])
    statements: list[tuple[str, int]] = []

    def record(_connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE"):
            statements.append((statement, cursor.rowcount))

    event.listen(engine, "after_cursor_execute", record)

    assert count == prune(engine, timedelta(days=1), lambda _: None)
    assert all(
        statement.count("timestamp") and "IN (" not in statement for statement, _ in statements
    )
    assert max(rows for _, rows in statements) <= MAX_ROWS_PER_TRANSACTION
    assert count == sum(rows for _, rows in statements)


class EndedError(Exception):
    """The process ended during a pause."""


def test_pruning_repeats_until_the_process_ends_and_failures_are_retried_sooner() -> None:
    outcomes = iter([None, OperationalError("", {}, Exception("away")), None])
    pauses_s: list[float] = []
    log: list[str] = []

    def run() -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    def sleep(seconds: float) -> None:
        pauses_s.append(seconds)
        if len(pauses_s) == 3:
            raise EndedError

    with pytest.raises(EndedError):
        keep_pruning(run, timedelta(hours=24), log.append, sleep)

    assert [86400, 600, 86400] == pauses_s
    assert ["pruning failed: away; next attempt in 0:10:00"] == log
