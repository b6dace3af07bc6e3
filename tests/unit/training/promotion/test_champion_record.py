"""The record of the best model is written and read."""

import json
from dataclasses import replace

import pytest

from training.files import write_json
from training.promotion.champion_record import (
    ChampionRecord,
    Promotion,
    RecordError,
    merge_histories,
)

BEST = ChampionRecord(
    accuracy=0.7,
    timestamp="2026-11-23T12:00:00+00:00",
    model_tag="sentiment:one",
    history=(Promotion("2026-11-22T12:00:00+00:00", "sentiment:zero", 0.6, "base"),),
    details={"macro_f1": 0.65},
)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "best_metrics.json"

    write_json(path, BEST.to_dict())

    assert BEST == ChampionRecord.read(path)
    assert 0.7 == json.loads(path.read_text())["accuracy"]


def test_without_a_file_there_is_no_record(tmp_path):
    assert ChampionRecord.read(tmp_path / "best_metrics.json") is None


def test_a_record_made_elsewhere_needs_no_more_than_an_accuracy(tmp_path):
    path = tmp_path / "best_metrics.json"
    path.write_text('{"accuracy": 0.5}')

    found = ChampionRecord.read(path)

    assert (0.5, "", "the best so far", ()) == (
        found.accuracy,
        found.timestamp,
        found.display_name,
        found.history,
    )


def test_a_promotion_is_added_to_the_history():
    found = BEST.with_history_entry("trained")

    assert ("sentiment:zero", "sentiment:one") == tuple(one.model_tag for one in found.history)
    assert Promotion(BEST.timestamp, "sentiment:one", 0.7, "trained") == found.history[-1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError|AttributeError"),
        ("{}", "KeyError: 'accuracy'"),
        ('{"accuracy": "high"}', "its accuracy is 'high'"),
        ('{"accuracy": true}', "its accuracy is True"),
        ('{"accuracy": 0.7, "timestamp": null}', "its timestamp is None, not a string"),
        ('{"accuracy": 0.7, "model_tag": 7}', "its model_tag is 7, not a string"),
        ('{"accuracy": 70}', r"its accuracy is 70, not in 0\.\.1"),
        ('{"accuracy": 0.5, "history": [{"when": 1}]}', "TypeError"),
    ],
)
def test_a_malformed_record_is_an_error_with_its_path(tmp_path, content, message):
    path = tmp_path / "best_metrics.json"
    path.write_text(content)

    with pytest.raises(
        RecordError, match=rf"best_metrics\.json is not a valid record .*({message})"
    ):
        ChampionRecord.read(path)


def test_merged_histories_are_sorted_by_time_without_duplicates():
    early, late = Promotion("2026-11-21", "sentiment:early", 0.5, "base"), BEST.history[0]
    newest = Promotion("2026-11-24", "sentiment:newest", 0.8, "trained")

    found = merge_histories(
        [replace(BEST, history=(late, newest)), replace(BEST, history=(early, late))]
    )

    assert (early, late, newest) == found


def test_a_malformed_record_is_an_error_with_its_display_name(tmp_path):
    path = tmp_path / "best_metrics.json"
    path.write_text("{")

    with pytest.raises(RecordError, match=r"^the Hub's is not a valid record of the best model"):
        ChampionRecord.read(path, "the Hub's")
