"""Ids sort by time, times are what the database can keep, and JSON holds it all."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.prediction import NotAPredictionError, Prediction, new_id, timestamp_of, utc_now
from tests.support.predictions import HARD_TEXTS, REPLACED_TEXTS, prediction


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


@pytest.mark.parametrize("words", [*HARD_TEXTS, None])
def test_a_prediction_is_the_same_after_json(words: str | None) -> None:
    made = prediction(words, truncated=bool(words))

    assert made == Prediction.from_json(made.to_json())


def test_json_has_times_and_ids_as_databases_read_them() -> None:
    made = prediction()

    body = made.to_json()

    row = json.loads(body)
    assert ("2026-02-03T04:05:06.789", str(made.id)) == (row["timestamp"], row["id"])


def test_an_emoji_takes_four_bytes_whether_in_utf_8_or_in_utf_16() -> None:
    short, long = (prediction("😀" * count).to_json() for count in (1, 5001))

    for encoding in ("utf-8", "utf-16-le"):
        assert 4 * 5000 == len(long.encode(encoding)) - len(short.encode(encoding))


def test_a_row_is_spooled_as_an_earlier_version_reads_it_unless_its_text_was_cut() -> None:
    names = {"id", "timestamp", "text", "latency_ms", "label", "confidence", "model_tag"}

    whole, in_part = (json.loads(prediction(truncated=cut).to_json()) for cut in (False, True))

    assert names | {"batch_size"} == set(whole)
    assert names | {"batch_size", "truncated"} == set(in_part)
    assert in_part["truncated"] is True


def test_names_of_a_later_version_are_ignored() -> None:
    made = prediction(truncated=True)
    later = json.dumps(json.loads(made.to_json()) | {"language": "en"})

    assert made == Prediction.from_json(later)


@pytest.mark.parametrize(("given", "expected"), REPLACED_TEXTS.items())
def test_what_no_database_is_sure_to_hold_is_replaced(given: str, expected: str) -> None:
    made = prediction(given)

    assert replace(made, text=expected) == Prediction.from_json(made.to_json())


def test_an_id_tells_when_it_was_made() -> None:
    before = utc_now()
    made = timestamp_of(new_id())
    after = utc_now()

    assert before <= made <= after
    assert datetime(2022, 2, 22, 19, 22, 22) == timestamp_of(  # the example of RFC 9562
        UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    )


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "7", "{}", '{"id": 7}', prediction().to_json().replace("confidence", "other")],
)
def test_anything_else_is_an_error(body: str) -> None:
    with pytest.raises(NotAPredictionError):
        Prediction.from_json(body)
