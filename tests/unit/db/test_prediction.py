"""Ids sort by time, and times are what the database can keep."""

import time
from datetime import UTC, datetime

from db.prediction import new_id, utc_now


def test_ids_are_uuids_of_version_7() -> None:
    made = new_id()

    assert 7 == made.version
    assert "specified in RFC 4122" == made.variant


def test_ids_carry_the_time_of_their_making() -> None:
    before_ms = time.time_ns() // 1_000_000
    made_ms = new_id().int >> 80
    after_ms = time.time_ns() // 1_000_000

    assert before_ms <= made_ms <= after_ms


def test_ids_made_in_one_millisecond_differ() -> None:
    assert 10_000 == len({new_id() for _ in range(10_000)})


def test_times_are_utc_in_whole_milliseconds_without_a_zone() -> None:
    now = utc_now()

    assert now.tzinfo is None
    assert 0 == now.microsecond % 1000
    assert abs((datetime.now(UTC).replace(tzinfo=None) - now).total_seconds()) < 60
