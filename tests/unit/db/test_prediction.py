"""Ids sort by time, times have the database's precision, and JSON keeps every field."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from db.prediction import NotAPredictionError, Prediction, new_id, timestamp_of, utc_now
from tests.support.predictions import HARD_TEXTS, REPLACED_TEXTS, prediction


def test_an_id_is_a_uuid_of_version_7_with_its_creation_time() -> None:
    before_ms, before = time.time_ns() // 1_000_000, utc_now()
    made = new_id()
    after_ms, after = time.time_ns() // 1_000_000, utc_now()

    assert (7, "specified in RFC 4122") == (made.version, made.variant)
    assert before_ms <= made.int >> 80 <= after_ms
    assert before <= timestamp_of(made) <= after


def test_the_time_of_the_example_of_rfc_9562_is_read() -> None:
    example = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")

    assert datetime(2022, 2, 22, 19, 22, 22) == timestamp_of(example)


def test_ids_of_the_same_millisecond_differ() -> None:
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


@pytest.mark.parametrize(("given", "expected"), REPLACED_TEXTS.items())
def test_characters_that_databases_cannot_store_are_replaced(given: str, expected: str) -> None:
    made = prediction(given)

    assert replace(made, text=expected) == Prediction.from_json(made.to_json())


def test_json_has_times_and_ids_as_databases_read_them() -> None:
    made = prediction()

    row = json.loads(made.to_json())

    assert ("2026-02-03T04:05:06.789", str(made.id)) == (row["timestamp"], row["id"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_an_emoji_takes_four_bytes(encoding: str) -> None:
    short, long = (prediction("😀" * count).to_json() for count in (1, 5001))

    assert 4 * 5000 == len(long.encode(encoding)) - len(short.encode(encoding))


def test_an_earlier_version_can_read_a_row_unless_its_text_was_truncated() -> None:
    names = {"id", "timestamp", "text", "latency_ms", "label", "confidence", "model_tag"}

    whole, truncated = (json.loads(prediction(truncated=cut).to_json()) for cut in (False, True))

    assert names | {"batch_size"} == set(whole)
    assert names | {"batch_size", "truncated"} == set(truncated)
    assert truncated["truncated"] is True


def test_fields_of_a_later_version_are_ignored() -> None:
    made = prediction(truncated=True)
    later = json.dumps(json.loads(made.to_json()) | {"language": "en"})

    assert made == Prediction.from_json(later)


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "7", "{}", '{"id": 7}', prediction().to_json().replace("confidence", "other")],
)
def test_any_other_text_is_not_a_prediction(body: str) -> None:
    with pytest.raises(NotAPredictionError):
        Prediction.from_json(body)
