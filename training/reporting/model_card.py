"""The model card of a published model: the README.md of its repository on the Hub."""

from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # but public

from training.data.dataset import CONFIGURATION
from training.export.precision_selection import SelectedPrecision
from training.reporting import job_summary as summary
from training.reporting.report import RunReport
from training.reporting.snippet import NORMALIZATION, usage
from training.reporting.tables import class_table, code, confusion_table, plain, table

FILE = "README.md"
CONFUSION_MATRIX = "confusion_matrix.png"
RELIABILITY = "reliability.png"

_METRICS = {
    "accuracy": ("accuracy", "accuracy"),
    "macro_recall": ("recall", "macro-averaged recall"),
    "macro_f1": ("f1", "macro-averaged F1"),
}
"""The Hub's type and a name for people of each figure."""

_UNTESTED = "Measure it on tweets that chose nothing before you rely on it."
_TESTED = "Those on the split test chose nothing."

_CARD = """\
---
{head}
---

# {name}: the sentiment of English tweets

Says whether an English tweet is negative, neutral or positive. It is {base} fine-tuned on \
{train_size:,} tweets of {dataset}; on {eval_size:,} rows of {split} its accuracy is \
**{accuracy:.4f}** as it is served{original}.

## How to use it

With `pip install transformers torch`. `normalization.py` brings a tweet into the form that the \
model knows, as serving does; without it the figures of this page do not hold.

```python
{snippet}```

To serve it over HTTP, in a checkout of the tweet sentiment service that made it (a private \
repository needs `HF_TOKEN` too):

```console
$ HF_REPO_ID={repo_id} make model
$ make serve
```

## Files

{files}

## Training data

{dataset}, configuration `{configuration}`: {train_size:,} rows of train to learn from and \
{eval_size:,} rows of {split} to be judged on, drawn with seed {seed}.

{origin}

Texts are normalised before they are tokenized, in training as in serving: HTML entities and \
escapes (`&amp;`, `\\u2019`) become the characters that they stand for, white space of any kind \
becomes one blank, user names become `@user` and links `http`, and control tokens that people \
type (`</s>`, `[MASK]`) are read as text.

## Figures

{figures}

By class:

{classes}

Rows are the true class, columns the predicted one:

{confusion}

![The confusion matrix: rows are the true class]({confusion_matrix})

The expected calibration error says how far, on average, the model's confidence lies from its \
accuracy: {calibration_error:.4f}.

![Reliability: accuracy against confidence]({reliability})

{test_split}## Why it was promoted

Decision: {reason}. {false_promotion}

{comparison}

## Precision

{precision}

## Limits

* It was promoted for its figures on {split}, so they are a little too good: the luckiest of \
several equal models is promoted. {remedy}
* Accuracy on {eval_size:,} rows has a standard error of {error:.1f} points.
* Short English posts like those of its training data only. Labels made by people carry their \
views, and tweets carry prejudice: do not decide about people by it.
* No licence is stated here: what you may do with the weights depends on those of base model and \
data set.
"""


def render(report: RunReport, repo_id: str, max_tokens: int) -> str:
    """Return the card of a run's candidate, Markdown with a YAML head as the Hub reads it.

    ``max_tokens`` is how much of a text the model reads.
    """
    origin, evaluation = report.provenance, report.candidate.evaluation.metrics
    accuracy = evaluation.accuracy
    return _CARD.format(
        head=_head(report, repo_id),
        name=repo_id.rpartition("/")[2],
        repo_id=repo_id,
        base=code(origin.base_model),
        dataset=code(origin.dataset),
        configuration=CONFIGURATION,
        split=plain(origin.eval_split),
        train_size=origin.train_size,
        eval_size=origin.eval_size,
        seed=origin.seed,
        accuracy=accuracy,
        original=_original(report),
        snippet=usage(repo_id, max_tokens),
        test_split=summary.tell_test_split(report),
        remedy=_UNTESTED if report.candidate.test_split is None else _TESTED,
        error=100 * (accuracy * (1 - accuracy) / evaluation.rows) ** 0.5,
        files=_files_table(report.candidate.selected_precision),
        origin=_origin_table(report),
        figures=summary.tell_figures(report),
        classes=class_table(evaluation),
        confusion=confusion_table(evaluation),
        confusion_matrix=CONFUSION_MATRIX,
        calibration_error=report.candidate.evaluation.calibration.error,
        reliability=RELIABILITY,
        reason=plain(report.decision.reason),
        false_promotion=summary.tell_false_promotion(report),
        comparison=summary.tell_comparison(report),
        precision=_precision(report.candidate.selected_precision),
    )


def _original(report: RunReport) -> str:
    if report.candidate.float32 is None:
        return ""
    return f", and **{report.candidate.float32.accuracy:.4f}** in float32 by the snippet below"


def _head(report: RunReport, repo_id: str) -> str:
    """Return the YAML head.

    Base model and data set are named as such only where the Hub knows them, and no licence is:
    that of the base model is not known here.
    """
    origin = report.provenance
    data: str = ModelCardData(
        language="en",
        pipeline_tag="text-classification",
        library_name="transformers",
        base_model=origin.base_model if _is_hub_id(origin.base_model) else None,
        datasets=[origin.dataset] if _is_hub_id(origin.dataset) else None,
        metrics=[kind for kind, _ in _METRICS.values()],
        tags=["sentiment-analysis", "tweets", "openvino", "bentoml"],
        model_name=repo_id.rpartition("/")[2],
        eval_results=_results(report),
    ).to_yaml()
    return data


def _results(report: RunReport) -> list[EvalResult]:
    origin = report.provenance
    drawn = f"{origin.dataset}, {origin.eval_size} rows drawn with seed {origin.seed}"
    splits = [(drawn, origin.eval_split, report.candidate.evaluation)]
    if report.candidate.test_split is not None:
        splits.append((origin.dataset, "test", report.candidate.test_split))
    return [
        EvalResult(
            task_type="text-classification",
            task_name="sentiment of tweets",
            dataset_type=origin.dataset,
            dataset_name=dataset,
            dataset_config=CONFIGURATION,
            dataset_split=split,
            dataset_revision=origin.dataset_revision,
            metric_type=kind,
            metric_name=name,
            metric_value=scores.flat_metrics()[figure],
        )
        for dataset, split, scores in splits
        for figure, (kind, name) in _METRICS.items()
    ]


def _is_hub_id(name: str) -> bool:
    """Tell a Hub's id, owner/name, from a local folder, whose name comes without its parents."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return "/" in name


def _files_table(choice: SelectedPrecision | None) -> str:
    precision = f" in {choice.precision}" if choice else ""
    return table(
        ("file", "what it holds"),
        [
            ("`model.safetensors`", "the weights, for transformers"),
            (
                "`openvino_model.xml`, `openvino_model.bin`",
                f"the same{precision}, for OpenVINO: what is served and was judged",
            ),
            (
                "`config.json`, `tokenizer.json`, `tokenizer_config.json`",
                "its configuration and tokenizer",
            ),
            (f"`{NORMALIZATION}`", "what a text goes through before it is tokenized"),
            ("`metadata.json`", "where it comes from and how good it is, for programs"),
            ("`metrics.json`", "all figures of the run that made it"),
            ("`best_metrics.json`", "the best model's figures, and all promotions so far"),
            (f"`{CONFUSION_MATRIX}`, `{RELIABILITY}`", "the pictures of this page"),
        ],
    )


def _origin_table(report: RunReport) -> str:
    origin = report.provenance
    facts = {
        "base model": code(origin.base_model),
        "revision of the base model": code(origin.base_model_revision or summary.NO_REVISION),
        "revision of the data set": code(origin.dataset_revision or summary.NO_REVISION),
        "SHA-256 of the data set": code(origin.dataset_fingerprint),
        "SHA-256 of the rows drawn": code(origin.sample_fingerprint),
        "recipe": summary.tell_recipe(report.training.hyperparameters),
        "commit of the training code": code(origin.git_commit or "not known"),
        "tag in the Bento store": code(report.model_tag or "not stored"),
        "trained": f"{plain(report.timestamp)}, in {summary.duration(report.duration_s)}",
    }
    return table(("", ""), list(facts.items()))


def _precision(choice: SelectedPrecision | None) -> str:
    if choice is None:
        return "The exported form is in float32."
    told = (
        f"The exported form is in {choice.precision}, the fastest precision that kept accuracy and "
        f"labels: {plain(choice.reason)}."
    )
    if choice.precision == "int8":
        told += " Its scores vary a little with the texts that share a batch."
    return told
