"""The model card tells what the facts are."""

import pytest
import yaml

pytest.importorskip("openvino", reason="OpenVINO is not installed")

# pylint: disable=wrong-import-position  # facts read the served form by OpenVINO
from training.data.dataset import LABELS
from training.evaluation.metrics import compute_metrics
from training.starter.card import render
from training.starter.hyperparameters import StarterHyperparameters
from training.starter.report import StarterReport

TRUE = [0, 0, 1, 1, 1, 2, 2, 2]
SERVED = [0, 1, 1, 1, 0, 2, 2, 1]
EXACT = [0, 0, 1, 1, 0, 2, 2, 1]


@pytest.fixture(name="facts")
def fixture_facts():
    """Give facts whose figures can be worked out by hand."""
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


def test_the_precision_reason_compares_both_forms_in_figures(facts):
    assert (
        "int8 is served: accuracy 0.6250 against 0.7500 in fp32, macro-averaged recall 0.6111 "
        "against 0.7778, the same label for 87.50% of the 8 texts (validation)"
    ) == facts.precision_reason()


def test_the_head_is_what_the_hub_reads(facts):
    head = yaml.safe_load(render(facts, StarterHyperparameters()).split("---\n")[1])

    assert ("apache-2.0", "en", "text-classification") == (
        head["license"],
        head["language"],
        head["pipeline_tag"],
    )
    assert {"accuracy": 0.625, "recall": 0.6111, "f1": 0.6238} == {
        metric["type"]: metric["value"]
        for metric in head["model-index"][0]["results"][0]["metrics"]
    }


def test_the_confusion_matrix_is_a_table(facts):
    assert "| neutral | 1 | 2 | 0 |" in render(facts, StarterHyperparameters())


def test_the_card_tells_data_recipe_and_how_to_repeat_it(facts):
    card = render(facts, StarterHyperparameters())

    assert "(900 tweets) of `tweet_eval`" in card
    assert f"for {StarterHyperparameters.pretraining.epochs:g} epochs" in card
    assert "SEED=5 python -m training.starter" in card
