"""The model card of a published model is what the Hub reads, and what it says is true."""

import re
from dataclasses import replace

import pytest
import yaml

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position
from huggingface_hub import EvalResult, ModelCard

from inference.normalization import normalize
from tests.reports import ORIGIN, run_report
from training.dataset import LABELS
from training.papers.card import CONFUSION_MATRIX, RELIABILITY, render
from training.precision import Choice
from training.records import flat_figures
from training.report import Recorded

REPO_ID = "someone/tweet-sentiment"


@pytest.fixture(name="card")
def fixture_card():
    """Give the card of a run that improved."""
    return render(run_report(), REPO_ID)


def head_of(card: str) -> dict:
    """Return the YAML head by YAML's own rules."""
    return yaml.safe_load(card.removeprefix("---\n").split("\n---\n")[0])


def test_the_hubs_own_client_reads_the_metrics_back(card):
    read = ModelCard(card).data

    found = flat_figures(run_report().scores)
    assert [
        EvalResult(
            task_type="text-classification",
            task_name="sentiment of tweets",
            dataset_type="cardiffnlp/tweet_eval",
            dataset_name="cardiffnlp/tweet_eval, 8 rows drawn with seed 42",
            dataset_config="sentiment",
            dataset_split="validation",
            metric_type=kind,
            metric_name=name,
            metric_value=found[figure],
        )
        for kind, name, figure in (
            ("accuracy", "accuracy", "accuracy"),
            ("recall", "macro-averaged recall", "macro_recall"),
            ("f1", "macro-averaged F1", "macro_f1"),
        )
    ] == read.eval_results
    assert "tweet-sentiment" == read.model_name


def test_the_head_is_what_the_hub_reads(card):
    head = head_of(card)

    assert {
        "base_model": "cardiffnlp/twitter-roberta-base-sentiment-latest",
        "datasets": ["cardiffnlp/tweet_eval"],
        "language": "en",
        "library_name": "transformers",
        "metrics": ["accuracy", "recall", "f1"],
        "pipeline_tag": "text-classification",
        "tags": ["sentiment-analysis", "tweets", "openvino", "bentoml"],
    } == {key: value for key, value in head.items() if key != "model-index"}


def test_local_folders_are_not_named_to_the_hub():
    origin = replace(ORIGIN, base_model="starter", dataset="tweet_eval")

    head = head_of(render(run_report(origin=origin), REPO_ID))

    assert not {"base_model", "datasets", "license"} & set(head)
    assert "tweet_eval" == head["model-index"][0]["results"][0]["dataset"]["type"]


@pytest.mark.parametrize("name", ["a: b\n---\n# c", "'\"", "- x", "yes", "{}|`<b>", "ж\u2028\x07"])
def test_names_from_outside_neither_break_the_head_nor_the_text(name):
    origin = replace(ORIGIN, base_model=name, dataset=name, eval_split=name)

    card = render(run_report(origin=origin), REPO_ID)

    assert name == ModelCard(card).data.eval_results[0].dataset_type
    assert name == head_of(card)["model-index"][0]["results"][0]["dataset"]["split"]
    assert "\n# c" not in card
    assert "<b>" not in ModelCard(card).text


def test_the_snippet_runs_and_gives_what_is_served(card, starter, tmp_path, monkeypatch, capsys):
    home = tmp_path / REPO_ID
    home.parent.mkdir()
    home.symlink_to(starter)
    monkeypatch.chdir(tmp_path)
    snippet = re.search(r"```python\n(.*?)```", card, re.DOTALL)

    names: dict = {}
    exec(snippet[1], names)  # noqa: S102  # pylint: disable=exec-used  # as its reader does

    answer = names["classify"](names["normalize"]("@me Beautiful post!!! https://a.b"))[0]
    assert answer["label"] in LABELS
    assert "'label': 'positive'" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["@ann look: http://a.b/c @ httpd", "a@b.c", "", "  @x\nhttp@y"])
def test_the_snippet_normalises_as_serving_does(card, text):
    body = re.search(r"(def normalize.*?)classify =", card, re.DOTALL)

    names: dict = {}
    exec(body[1], names)  # noqa: S102  # pylint: disable=exec-used  # as its reader does

    assert normalize(text) == names["normalize"](text)


def test_says_how_to_serve_it(card):
    assert f"$ HF_REPO_ID={REPO_ID} make model\n$ make serve\n" in card


def test_shows_both_pictures(card):
    assert f"]({CONFUSION_MATRIX})" in card
    assert f"]({RELIABILITY})" in card


def test_tells_where_it_comes_from(card):
    assert "1,000 rows of train to learn from and 8 rows of validation to be judged on" in card
    assert f"| SHA-256 of the data set | `{'d' * 64}` |" in card
    assert f"| SHA-256 of the rows drawn | `{'a' * 64}` |" in card
    assert "| commit of the training code | `0123abc` |" in card


def test_tells_why_it_was_promoted(card):
    assert "Decision: accuracy 0.8750 against 0.7500 of sentiment:old: better." in card
    assert "| candidate right | 1,300 | 130 |" in card
    assert "So the candidate is better by more than chance explains." in card


def test_tells_what_the_figures_are_worth(card):
    assert "Accuracy on 8 rows has a standard error of 11.7 points." in card


@pytest.mark.parametrize("precision", ["int8", "bf16", "fp32"])
def test_tells_the_precision_of_the_exported_form(precision):
    candidate = replace(run_report().candidate, choice=Choice(precision, "measured so"))

    card = render(run_report(candidate=candidate), REPO_ID)

    assert f"| the same in {precision}, for OpenVINO: what is served and was judged |" in card
    assert f"in {precision}, the fastest precision that kept accuracy and labels: measured" in card
    assert ("int8" == precision) == ("texts that share a batch" in card)


def test_a_lost_champion_is_told_by_its_recorded_accuracy():
    champion = Recorded("sentiment:lost", 0.7)

    card = render(run_report(champion=champion, test=None), REPO_ID)

    assert "| champion `sentiment:lost` | 0.7000 | - | - | - | - |" in card
