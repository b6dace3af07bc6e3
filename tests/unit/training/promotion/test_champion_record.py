"""What a run leaves in writing."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position  # only where the training group is installed
from training.atomic_write import write_json
from training.evaluation.mcnemar import McNemarResult
from training.evaluation.prediction import Predictions
from training.promotion.champion_record import (
    ChampionRecord,
    Promotion,
    RecordError,
    flat_metrics,
    mcnemar_dict,
    merge_histories,
    metrics_dict,
)

SCORES = Predictions(
    labels=(0, 1, 2),
    probabilities=np.array([[0.75, 0.15, 0.1], [0.1, 0.85, 0.05], [0.1, 0.55, 0.35]]),
)
BEST = ChampionRecord(
    accuracy=0.7,
    timestamp="2026-11-23T12:00:00+00:00",
    model_tag="sentiment:one",
    history=(Promotion("2026-11-22T12:00:00+00:00", "sentiment:zero", 0.6, "base"),),
    details={"macro_f1": 0.65},
)


def test_figures_hold_everything_that_was_measured():
    found = metrics_dict(SCORES)

    assert 0.666667 == found["accuracy"]
    assert 0.666667 == found["macro_recall"]
    assert [[1, 0, 0], [0, 1, 0], [0, 1, 0]] == found["confusion_matrix"]["counts"]
    assert {"precision": 0.5, "recall": 1.0, "f1": 0.666667, "rows": 1} == (
        found["classes"]["neutral"]
    )
    # 0.25 and 0.15 short where right, 0.55 too much where wrong
    assert pytest.approx((0.25 + 0.15 + 0.55) / 3, abs=1e-6) == found["expected_calibration_error"]
    assert [1, 1, 1] == [one["rows"] for one in found["reliability"]]


def test_flat_figures_are_plain_numbers():
    found = flat_metrics(SCORES)

    assert {"accuracy", "macro_recall", "macro_f1", "expected_calibration_error"} <= set(found)
    assert {float} == {type(value) for value in found.values()}


def test_a_comparison_holds_the_table_the_difference_and_how_sure_it_is():
    found = mcnemar_dict(
        McNemarResult(both=1400, candidate_only=140, champion_only=80, neither=380)
    )

    table = ("both", "candidate_only", "champion_only", "neither", "rows")
    assert (1400, 140, 80, 380, 2000) == tuple(found[name] for name in table)
    assert 0.03 == found["difference"]
    low, high = found["confidence_interval"]
    assert 0.01 < low < 0.03 < high < 0.05
    assert found["p_value"] < 0.0001


def test_a_record_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "best_metrics.json"

    write_json(path, BEST.to_dict())

    assert BEST == ChampionRecord.read(path)
    assert 0.7 == json.loads(path.read_text())["accuracy"]


def test_there_may_be_no_record(tmp_path):
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
    ("content", "told"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError|AttributeError"),
        ("{}", "KeyError: 'accuracy'"),
        ('{"accuracy": "high"}', "its accuracy is 'high'"),
        ('{"accuracy": true}', "its accuracy is True"),
        ('{"accuracy": 0.7, "timestamp": null}', "its timestamp is None, no text"),
        ('{"accuracy": 0.7, "model_tag": 7}', "its model_tag is 7, no text"),
        ('{"accuracy": 70}', r"its accuracy is 70, not in 0\.\.1"),
        ('{"accuracy": 0.5, "history": [{"when": 1}]}', "TypeError"),
    ],
)
def test_a_record_that_makes_no_sense_is_told_with_its_path(tmp_path, content, told):
    path = tmp_path / "best_metrics.json"
    path.write_text(content)

    with pytest.raises(RecordError, match=rf"best_metrics\.json is no record .*({told})"):
        ChampionRecord.read(path)


def test_histories_are_joined_in_the_order_of_time_each_promotion_once():
    early, late = Promotion("2026-11-21", "sentiment:early", 0.5, "base"), BEST.history[0]
    newest = Promotion("2026-11-24", "sentiment:newest", 0.8, "trained")

    found = merge_histories(
        [replace(BEST, history=(late, newest)), replace(BEST, history=(early, late))]
    )

    assert (early, late, newest) == found


def test_an_unreadable_record_is_told_by_the_name_that_people_know(tmp_path):
    path = tmp_path / "best_metrics.json"
    path.write_text("{")

    with pytest.raises(RecordError, match=r"^the Hub's is no record of the best model"):
        ChampionRecord.read(path, called="the Hub's")
