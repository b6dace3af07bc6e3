"""Markdown tables and sections that model cards and job summaries share."""

import re
from collections.abc import Sequence

from training.evaluation.mcnemar import CONFIDENCE_LEVEL, McNemarResult
from training.evaluation.metrics import Metrics
from training.evaluation.prediction import Predictions
from training.finetuning.hyperparameters import Hyperparameters
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import Baseline
from training.reporting.report import RunReport

NO_REVISION = "none, a local folder"
_STRUCTURE = re.compile(r"[\\`*\[\]<>|&~#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_SIMPLE = re.compile(r"[\w.:/@+=, -]+", re.ASCII)


def plain(text: str) -> str:
    """Escape a text so that Markdown shows it unchanged, in one line.

    Character references are never read as structure (CommonMark 0.31, section 2.5).
    """
    return _STRUCTURE.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def code(text: str) -> str:
    """Escape a text as inline code, in one line."""
    line = " ".join(text.split())
    return f"`{line}`" if _SIMPLE.fullmatch(line) else f"<code>{plain(line)}</code>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are Markdown without pipes or line ends."""
    rule = "|---" * len(head) + "|"
    return "\n".join([_line(head), rule, *map(_line, rows)])


def class_table(metrics: Metrics) -> str:
    """Return the metrics of each class as a table."""
    return table(
        ("class", "precision", "recall", "F1", "tweets"),
        [
            (one.name, *map(format_share, (one.precision, one.recall, one.f1)), str(one.rows))
            for one in metrics.classes
        ],
    )


def confusion_table(metrics: Metrics) -> str:
    """Return the confusion matrix as a table: rows are the true class, columns the predicted."""
    names = [one.name for one in metrics.classes]
    return table(
        ("", *names),
        [(name, *map(str, counts)) for name, counts in zip(names, metrics.confusion)],
    )


def format_share(value: float | None) -> str:
    """Return a share in 0..1 with four digits, a dash for None."""
    return "-" if value is None else f"{value:.4f}"


def format_duration(seconds: float) -> str:
    """Return a duration in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def format_hyperparameters(used: Hyperparameters) -> str:
    """Return the hyperparameters in a line."""
    text = (
        f"{used.epochs:g} epochs, learning rate {used.learning_rate:g}, batch size "
        f"{used.batch_size}"
    )
    if used.freeze_ratio:
        text += f", the embeddings and the lowest {used.freeze_ratio:.0%} of the layers frozen"
    return text


def baseline_kind(report: RunReport) -> str:
    """Return what the candidate was compared with: the champion or the base model."""
    return "champion" if report.models.champion else "base model"


def provenance_rows(report: RunReport) -> dict[str, str]:
    """Return revisions, fingerprints and hyperparameters by their titles."""
    origin = report.provenance
    return {
        "base model": code(origin.base_model),
        "revision of the base model": code(origin.base_model_revision or NO_REVISION),
        "revision of the dataset": code(origin.dataset_revision or NO_REVISION),
        "SHA-256 of the dataset": code(origin.dataset_fingerprint),
        "SHA-256 of the sampled rows": code(origin.sample_fingerprint),
        "hyperparameters": format_hyperparameters(report.training.hyperparameters),
    }


def metrics_section(report: RunReport) -> str:
    """Return the metrics of candidate, champion and base model, and the rows they refer to."""
    models, float32 = report.models, report.candidate.float32
    rows = [_metrics_row("candidate", models.candidate)]
    if models.champion:
        name = f"champion {code(models.champion.display_name)}"
        rows.append(_metrics_row(name, models.champion))
    rows.append(_metrics_row(f"base model {code(models.base.display_name)}", models.base))
    if float32:
        rows.append(("candidate in float32", *_shares(float32), "fp32"))
    head = ("", "accuracy", "macro recall", "macro F1", "calibration error", "precision")
    paragraphs = [
        table(head, rows),
        f"On the same {report.provenance.eval_size:,} rows of "
        f"{plain(report.provenance.eval_split)}, each model in the form that would be served.",
    ]
    if float32:
        paragraphs[-1] += " In float32, the candidate is as it was trained."
    if isinstance(models.champion, ChampionRecord):
        paragraphs.append(
            "The champion's accuracy is the recorded one: its model is not available, and it may "
            "have been evaluated on other rows."
        )
    return "\n\n".join(paragraphs)


def test_split_section(report: RunReport) -> str:
    """Return the metrics on the test split, empty without that split."""
    if report.candidate.test_split is None:
        return ""
    found = report.candidate.test_split.metrics
    return f"""\
### The candidate on the test split

On its {found.rows:,} rows, which were not used for any decision, and in the form that is served, \
its accuracy is **{found.accuracy:.4f}**, its macro recall **{found.macro_recall:.4f}** and its \
macro F1 {found.macro_f1:.4f}. TweetEval's leaderboard shows macro recall, the mean of the recalls \
of the classes, in percent: {100 * found.macro_recall:.1f}.

"""


def comparison_section(report: RunReport) -> str:
    """Return the paired test as its table of four counts and in words."""
    if report.models.mcnemar is None:
        return "Not tested on the same rows: the champion's model is not available."
    baseline, test = baseline_kind(report), report.models.mcnemar
    cells = table(
        ("", f"{baseline} right", f"{baseline} wrong"),
        [
            ("candidate right", f"{test.both:,}", f"{test.candidate_only:,}"),
            ("candidate wrong", f"{test.champion_only:,}", f"{test.neither:,}"),
        ],
    )
    low, high = test.interval
    return f"""\
{cells}

On the {test.rows:,} rows of the whole split {plain(report.provenance.eval_split)}, only the \
candidate is right on {test.candidate_only:,} and only the {baseline} on {test.champion_only:,}: a \
difference in accuracy of {_points(test.difference)} points, with a {CONFIDENCE_LEVEL:.0%} \
confidence interval from {_points(low)} to {_points(high)}. If both were equally good, chance \
would give such a difference with {_probability(test.p_value)} (mid-p McNemar test). \
{_verdict(test)}"""


def _verdict(test: McNemarResult) -> str:
    if not test.is_significant:
        return "So chance may explain the difference."
    direction = "better" if test.difference > 0 else "worse"
    return f"So the candidate is significantly {direction}."


def _metrics_row(title: str, model: Baseline) -> tuple[str, ...]:
    if isinstance(model, ChampionRecord):
        return title, format_share(model.accuracy), *[format_share(None)] * 3, "-"
    precision = model.selected_precision.precision if model.selected_precision else "-"
    return title, *_shares(model.evaluation), precision


def _shares(predictions: Predictions) -> tuple[str, ...]:
    found, error = predictions.metrics, predictions.calibration.error
    return tuple(map(format_share, (found.accuracy, found.macro_recall, found.macro_f1, error)))


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _probability(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
