"""The model card is valid for the Hub, and its snippet and metrics are correct."""

import json
import os
import re
from dataclasses import replace

import pytest
import yaml

pytest.importorskip("nncf", reason="the training group is not installed")

# pylint: disable=wrong-import-position
from huggingface_hub import EvalResult, ModelCard
from sklearn.metrics import classification_report

from inference.model_folder import ModelFolder
from inference.normalization import normalize
from inference.tokenization import TweetTokenizer
from tests.support.hub import Hub
from tests.support.reports import (
    PROVENANCE,
    WITHOUT_CHAMPION_MODEL,
    predictions,
    report_with_candidate,
    run_report,
)
from tests.support.server import run_python
from training.data.dataset import LABELS
from training.export.precision_selection import SelectedPrecision
from training.reporting.model_card import copy_normalization, render
from training.reporting.plots import CONFUSION_MATRIX, RELIABILITY

UNUSUAL = [
    "@ann look: http://a.b/c @ httpd",
    "a@b.c",
    " ",
    "  @x\nhttp@y\t@z,(@w) .@v",
    "Tom &amp; Jerry &lt;3 &#39;s &#x1F600; &amp;amp; &nope; &",
    r"it\u2019s \ud83d\ude00 \n",
    "</s> <pad> [MASK] <mask> <s>",
    "@ @@ @@a @a@b @\u200bx \uff20user",
    'HTTP://A.B https:// www.a.b (http://a.b), "https://c.d"',
    "caf\u0301e \U0001f468\u200d\U0001f469 \ufffd \x00 \u2028",
    "word " * 500,
]
TOKENIZE = """
import importlib.util, json
assert importlib.util.find_spec("inference") is None  # as for users of the card
read = lambda text: classify.tokenizer(text, truncation=True, max_length=128)["input_ids"]
texts = [(normalize(text), text) for text in json.load(open(sys.argv[1], encoding="utf-8"))]
print(json.dumps([[text, read(text), classify(text)[0]["label"]] for text, _ in texts]))
"""
REPO_ID = "someone/tweet-sentiment"
MAX_TOKENS = 128  # the starter's


@pytest.fixture(name="card")
def fixture_card():
    """Return the card of a run that promoted its candidate."""
    return render(run_report(), REPO_ID, MAX_TOKENS)


def metadata_of(card: str) -> dict:
    """Return the YAML metadata."""
    return yaml.safe_load(card.removeprefix("---\n").split("\n---\n")[0])


def test_the_hubs_client_reads_the_metrics(card):
    read = ModelCard(card).data

    found = run_report().candidate.evaluation.flat_metrics()
    assert [
        EvalResult(
            task_type="text-classification",
            task_name="sentiment of tweets",
            dataset_type="cardiffnlp/tweet_eval",
            dataset_name="cardiffnlp/tweet_eval, 8 rows sampled with seed 42",
            dataset_config="sentiment",
            dataset_split="validation",
            metric_type=kind,
            metric_name=name,
            metric_value=found[metric],
        )
        for kind, name, metric in (
            ("accuracy", "accuracy", "accuracy"),
            ("recall", "macro-averaged recall", "macro_recall"),
            ("f1", "macro-averaged F1", "macro_f1"),
        )
    ] == read.eval_results
    assert "tweet-sentiment" == read.model_name


def test_the_metadata_is_complete(card):
    metadata = metadata_of(card)

    assert {
        "base_model": "cardiffnlp/twitter-roberta-base-sentiment-latest",
        "datasets": ["cardiffnlp/tweet_eval"],
        "language": "en",
        "library_name": "transformers",
        "metrics": ["accuracy", "recall", "f1"],
        "pipeline_tag": "text-classification",
        "tags": ["sentiment-analysis", "tweets", "openvino", "bentoml"],
    } == {key: value for key, value in metadata.items() if key != "model-index"}


def test_local_folders_are_not_in_the_metadata():
    origin = replace(PROVENANCE, base_model="starter", dataset="tweet_eval")

    metadata = metadata_of(render(run_report(provenance=origin), REPO_ID, MAX_TOKENS))

    assert not {"base_model", "datasets", "license"} & set(metadata)
    assert "tweet_eval" == metadata["model-index"][0]["results"][0]["dataset"]["type"]


@pytest.mark.parametrize("name", ["a: b\n---\n# c", "'\"", "- x", "yes", "{}|`<b>", "ж\u2028\x07"])
def test_special_characters_in_names_break_neither_metadata_nor_text(name):
    origin = replace(PROVENANCE, base_model=name, dataset=name, eval_split=name)

    card = render(run_report(provenance=origin), REPO_ID, MAX_TOKENS)

    assert name == ModelCard(card).data.eval_results[0].dataset_type
    assert name == metadata_of(card)["model-index"][0]["results"][0]["dataset"]["split"]
    assert "\n# c" not in card
    assert "<b>" not in ModelCard(card).text


def snippet_of(card: str) -> str:
    """Return the Python of the card."""
    found = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert found
    return found[1]


def test_the_snippet_tokenizes_texts_as_serving_does(card, starter, tmp_path):
    copy_normalization(tmp_path)
    published = {path.name: path.read_bytes() for path in (*starter.iterdir(), *tmp_path.iterdir())}
    texts = tmp_path / "texts.json"
    texts.write_text(json.dumps(UNUSUAL), encoding="utf-8")
    with Hub() as hub:
        hub.create(REPO_ID)
        hub.commit(REPO_ID, published)
        own = {**os.environ, **hub.environment(tmp_path / "home"), "PYTHONSAFEPATH": "1"}

        printed = run_python(["-c", snippet_of(card) + TOKENIZE, str(texts)], own)

    first, found = printed.splitlines()
    assert "'label': 'positive'" in first
    serving = TweetTokenizer(ModelFolder.read(starter))
    for text, (normalized, ids, label) in zip(UNUSUAL, json.loads(found), strict=True):
        assert normalize(text) == normalized
        assert serving.encode([text]) == [ids], text
        assert label in LABELS


def test_the_card_has_usage_plots_origin_and_decision(card):
    for text in (
        f"$ HF_REPO_ID={REPO_ID} make model\n$ make serve\n",
        f"]({CONFUSION_MATRIX})",
        f"]({RELIABILITY})",
        "1,000 rows of train for training and\n8 rows of validation for evaluation, sampled",
        f"| SHA-256 of the dataset | `{'d' * 64}` |",
        f"| SHA-256 of the sampled rows | `{'a' * 64}` |",
        "| commit of the training code | `0123abc` |",
        "| revision of the base model | `none, a local folder` |",
        "Decision: accuracy 0.8750 against 0.7500 of sentiment:old: better.",
        "| candidate right | 1,300 | 130 |",
        "So the candidate is significantly better.",
        "Accuracy on 8 rows has a standard error of 11.7 points.",
        r"(`&amp;`, `\u2019`)",
    ):
        assert text in card


@pytest.mark.parametrize("precision", ["int8", "bf16", "fp32"])
def test_the_precision_of_the_exported_form_is_explained(precision):
    selected = SelectedPrecision(precision, "measured so")

    card = render(report_with_candidate(selected_precision=selected), REPO_ID, MAX_TOKENS)

    assert f"| the same in {precision}, for OpenVINO: what is served and was evaluated |" in card
    assert f"in {precision}, the fastest precision that kept accuracy and labels: measured" in card
    assert ("int8" == precision) == ("texts that share a batch" in card)


def test_a_champion_without_its_model_has_its_recorded_accuracy():
    card = render(run_report(models=WITHOUT_CHAMPION_MODEL), REPO_ID, MAX_TOKENS)

    assert "| champion `sentiment:lost` | 0.7000 | - | - | - | - |" in card


def test_the_metrics_of_the_snippet_are_shown_beside_the_served_ones():
    exact = predictions(0, 0, 1, 1, 1, 2, 2, 1)

    card = render(report_with_candidate(validation_fp32=exact), REPO_ID, MAX_TOKENS)

    assert "**0.8750** as it is served, and **0.8750** in float32 with the snippet below." in card
    assert "| candidate in float32 | 0.8750 | 0.8889 |" in card


def test_the_metrics_of_the_test_split_are_in_text_and_metadata():
    test = predictions(0, 0, 1, 1, 1, 2, 2, 1)

    card = render(report_with_candidate(test_split=test), REPO_ID, MAX_TOKENS)

    assert "On its 8 rows, which were not used for any decision, and in the form" in card
    assert "its macro recall **0.8889**" in card
    assert "in percent: 88.9." in card
    assert "The test split was not used for any decision." in card
    results = [one for one in ModelCard(card).data.eval_results if one.dataset_split == "test"]
    found = {one.metric_type: one.metric_value for one in results}
    # as TweetEval's own evaluation_script.py computes it
    report = classification_report(test.labels, test.predicted, output_dict=True)
    averages = report["macro avg"]
    expected = {"accuracy": report["accuracy"], "f1": averages["f1-score"]}
    assert pytest.approx(expected | {"recall": averages["recall"]}, abs=1e-6) == found


def test_the_revisions_of_model_and_dataset_are_shown():
    origin = replace(PROVENANCE, base_model_revision="b" * 40, dataset_revision="c" * 40)

    card = render(run_report(provenance=origin), REPO_ID, MAX_TOKENS)

    assert f"| revision of the base model | `{'b' * 40}` |" in card
    assert f"| revision of the dataset | `{'c' * 40}` |" in card
    assert {"c" * 40} == {one.dataset_revision for one in ModelCard(card).data.eval_results}
