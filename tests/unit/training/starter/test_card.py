"""The model card shows the report."""

import pytest
import yaml

pytest.importorskip("openvino", reason="OpenVINO is not installed")

# pylint: disable=wrong-import-position  # the report reads the served form by OpenVINO
from training.data.dataset import LABELS
from training.evaluation.metrics import compute_metrics
from training.starter.card import render
from training.starter.hyperparameters import StarterHyperparameters
from training.starter.report import StarterReport

TRUE = [0, 0, 1, 1, 1, 2, 2, 2]
SERVED = [0, 1, 1, 1, 0, 2, 2, 1]
EXACT = [0, 0, 1, 1, 0, 2, 2, 1]


@pytest.fixture(name="report")
def fixture_report():
    """Return a report with metrics that can be checked by hand."""
    return StarterReport(
        dataset="tweet_eval",
        dataset_fingerprint="f" * 64,
        train_size=900,
        evaluation_split="validation",
        seed=5,
        int8=compute_metrics(TRUE, SERVED, LABELS),
        fp32=compute_metrics(TRUE, EXACT, LABELS),
        agreement=0.875,
    )


def test_the_precision_reason_compares_both_forms(report):
    assert (
        "int8 is served: accuracy 0.6250 against 0.7500 in fp32, macro-averaged recall 0.6111 "
        "against 0.7778, the same label for 87.50% of the 8 texts (validation)"
    ) == report.precision_reason()


def test_the_metadata_are_valid_for_the_hub(report):
    head = yaml.safe_load(render(report, StarterHyperparameters()).split("---\n")[1])

    assert ("apache-2.0", "en", "text-classification") == (
        head["license"],
        head["language"],
        head["pipeline_tag"],
    )
    assert {"accuracy": 0.625, "recall": 0.6111, "f1": 0.6238} == {
        metric["type"]: metric["value"]
        for metric in head["model-index"][0]["results"][0]["metrics"]
    }


def test_the_confusion_matrix_is_a_table(report):
    assert "| neutral | 1 | 2 | 0 |" in render(report, StarterHyperparameters())


def test_the_card_shows_data_training_and_reproduction(report):
    card = render(report, StarterHyperparameters())

    assert "(900 tweets) of `tweet_eval`" in card
    assert f"for {StarterHyperparameters.pretraining.epochs:g} epochs" in card
    assert "SEED=5 python -m training.starter" in card
