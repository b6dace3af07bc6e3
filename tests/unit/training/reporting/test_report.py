"""The result of a training run is written to metrics.json."""

import json

import pytest

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position
from tests.support.reports import FIRST_RUN, REASON, WITHOUT_CHAMPION_MODEL, run_report
from training.reporting.report import metrics_json


def test_the_top_level_has_the_candidates_metrics_and_precision():
    report = run_report()

    content = metrics_json(report)

    assert report.candidate.evaluation.metrics_dict().items() <= content.items()
    assert (0.875, "int8", REASON) == (
        content["accuracy"],
        content["precision"],
        content["precision_reason"],
    )


def test_base_model_and_champion_have_their_metrics():
    content = metrics_json(run_report())

    assert 0.625 == content["base"]["accuracy"]
    assert ("sentiment:old", 0.75) == (content["champion"]["name"], content["champion"]["accuracy"])
    assert "confusion_matrix" in content["champion"]


def test_provenance_and_decision_are_written():
    report = run_report()

    content = metrics_json(report)

    assert vars(report.provenance).items() <= content.items()
    assert {
        "comparison": report.models.mcnemar.to_dict(),
        "decision": {
            "promoted": True,
            "reason": report.decision.reason,
            "false_promotion": {
                "against_all": 0.27,
                "against_one": 0.44,
                "baselines": 2,
                "rows": 8,
            },
        },
        "model_tag": "sentiment:new",
        "timestamp": "2026-10-01T10:00:00+00:00",
        "duration_s": 185.2,
    }.items() <= content.items()


def test_hyperparameters_and_training_are_written():
    content = metrics_json(run_report())["training"]

    expected = {"epochs": 3, "learning_rate": 3e-5, "batch_size": 32, "freeze_ratio": 0.5}
    assert expected.items() <= content["hyperparameters"].items()
    assert (96, 1, "fp32") == (content["steps"], content["processes"], content["precision"])


def test_a_champion_without_its_model_has_only_its_recorded_accuracy():
    report = run_report(models=WITHOUT_CHAMPION_MODEL)

    content = metrics_json(report)

    assert {"name": "sentiment:lost", "accuracy": 0.7} == content["champion"]
    assert content["comparison"] is None


def test_the_first_run_has_no_champion():
    report = run_report(models=FIRST_RUN)

    assert report.models.base is report.models.baselines[0]
    assert metrics_json(report)["champion"] is None


def test_the_content_is_plain_json():
    content = metrics_json(run_report())

    assert content == json.loads(json.dumps(content))
