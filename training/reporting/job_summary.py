"""A training run in Markdown, as a CI job shows it."""

from pathlib import Path

from training.evaluation.mcnemar import CONFIDENCE_LEVEL, McNemarResult
from training.evaluation.prediction import Predictions
from training.finetuning.hyperparameters import Hyperparameters
from training.promotion.champion_record import ChampionRecord
from training.promotion.comparison import Baseline
from training.reporting.report import RunReport
from training.reporting.tables import class_table, code, confusion_table, plain, share, table

NO_REVISION = "none, a local folder"

_SUMMARY = """\
## Training

**{outcome}: {reason}**

{false_promotion}

{figures}

### Candidate against {rival}

{comparison}

### The candidate by class

{classes}

Rows are the true class, columns the predicted one:

{confusion}

{test_split}### The run

{run}
"""


def render(report: RunReport) -> str:
    """Return the whole summary."""
    evaluation = report.candidate.evaluation.metrics
    return _SUMMARY.format(
        outcome="Improved" if report.decision.promoted else "Not improved",
        reason=plain(report.decision.reason),
        false_promotion=tell_false_promotion(report),
        figures=tell_figures(report),
        rival=_rival(report),
        comparison=tell_comparison(report),
        classes=class_table(evaluation),
        confusion=confusion_table(evaluation),
        test_split=tell_test_split(report),
        run=_run_table(report),
    )


def append(text: str, path: Path) -> None:
    """Add the summary to the file that the CI names, below what other steps wrote there."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def tell_figures(report: RunReport) -> str:
    """Return the figures of candidate, champion and base model, and what they were taken on."""
    models, float32 = report.models, report.candidate.float32
    rows = [_metrics_row("candidate", models.candidate)]
    if models.champion:
        name = f"champion {code(models.champion.display_name)}"
        rows.append(_metrics_row(name, models.champion))
    rows.append(_metrics_row(f"base model {code(models.base.display_name)}", models.base))
    if float32:
        rows.append(("candidate in float32", *_shares(float32), "fp32"))
    head = ("", "accuracy", "macro recall", "macro F1", "calibration error", "precision")
    told = [
        table(head, rows),
        f"On the same {report.provenance.eval_size:,} rows of "
        f"{plain(report.provenance.eval_split)}, each model in the form that would be served.",
    ]
    if float32:
        told[-1] += " In float32, the candidate is as it was trained."
    if isinstance(models.champion, ChampionRecord):
        told.append(
            "The champion's accuracy is the recorded one: its model was not to be had, and its "
            "rows may have been others."
        )
    return "\n\n".join(told)


def tell_false_promotion(report: RunReport) -> str:
    """Return how often chance alone would have promoted the candidate."""
    return str(report.decision.false_promotion or "")


def tell_test_split(report: RunReport) -> str:
    """Return a section on the split test, which is empty without that split."""
    if report.candidate.test_split is None:
        return ""
    found = report.candidate.test_split.metrics
    return f"""\
### The candidate on the split test

On its {found.rows:,} rows, which chose nothing, and in the form that is served, its accuracy is \
**{found.accuracy:.4f}**, its macro recall **{found.macro_recall:.4f}** and its macro F1 \
{found.macro_f1:.4f}. Macro recall, the mean of the recalls of the classes, is what TweetEval's \
leaderboard shows for sentiment, in percent: {100 * found.macro_recall:.1f}.

"""


def tell_comparison(report: RunReport) -> str:
    """Return the paired test as its table of four counts and in words."""
    if report.models.mcnemar is None:
        return "Not tested on the same rows: the champion's model was not to be had."
    rival, test = _rival(report), report.models.mcnemar
    cells = table(
        ("", f"{rival} right", f"{rival} wrong"),
        [
            ("candidate right", f"{test.both:,}", f"{test.candidate_only:,}"),
            ("candidate wrong", f"{test.champion_only:,}", f"{test.neither:,}"),
        ],
    )
    low, high = test.interval
    return f"""\
{cells}

On the {test.rows:,} rows of the whole split {plain(report.provenance.eval_split)}, the candidate \
alone is right on {test.candidate_only:,} and the {rival} alone on {test.champion_only:,}: a \
difference in accuracy of {_points(test.difference)} points, with a {CONFIDENCE_LEVEL:.0%} \
confidence interval from {_points(low)} to {_points(high)}. Were both equally good, chance would \
part them as far with {_probability(test.p_value)} (mid-p McNemar test). \
{_verdict(test)}"""


def _rival(report: RunReport) -> str:
    return "champion" if report.models.champion else "base model"


def _verdict(test: McNemarResult) -> str:
    if not test.is_significant:
        return "So chance alone may explain the difference."
    direction = "better" if test.difference > 0 else "worse"
    return f"So the candidate is {direction} by more than chance explains."


def _metrics_row(title: str, model: Baseline) -> tuple[str, ...]:
    if isinstance(model, ChampionRecord):
        return title, share(model.accuracy), *[share(None)] * 3, "-"
    precision = model.selected_precision.precision if model.selected_precision else "-"
    return title, *_shares(model.evaluation), precision


def _shares(predictions: Predictions) -> tuple[str, ...]:
    found, error = predictions.metrics, predictions.calibration.error
    return tuple(map(share, (found.accuracy, found.macro_recall, found.macro_f1, error)))


def _run_table(report: RunReport) -> str:
    origin, choice = report.provenance, report.candidate.selected_precision
    sizes = f"{origin.train_size:,} rows of train, {origin.eval_size:,} of {origin.eval_split}"
    facts = {
        "base model": code(origin.base_model),
        "revision of the base model": code(origin.base_model_revision or NO_REVISION),
        "data set": f"{code(origin.dataset)}: {plain(sizes)}, drawn with seed {origin.seed}",
        "revision of the data set": code(origin.dataset_revision or NO_REVISION),
        "SHA-256 of the data set": code(origin.dataset_fingerprint),
        "SHA-256 of the rows drawn": code(origin.sample_fingerprint),
        "recipe": tell_recipe(report.training.hyperparameters),
        "precision": f"{choice.precision}: {plain(choice.reason)}" if choice else "-",
        "stored as": code(report.model_tag) if report.model_tag else "not stored",
        "commit": code(origin.git_commit) if origin.git_commit else "not known",
        "finished": plain(report.timestamp),
        "duration": duration(report.duration_s),
    }
    return table(("", ""), list(facts.items()))


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tell_recipe(recipe: Hyperparameters) -> str:
    """Return what fine-tuning chose, in a line."""
    told = (
        f"{recipe.epochs:g} epochs, learning rate {recipe.learning_rate:g}, batches of "
        f"{recipe.batch_size}"
    )
    if recipe.freeze_ratio:
        told += f", the embeddings and the lowest {recipe.freeze_ratio:.0%} of the layers frozen"
    return told


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _probability(value: float) -> str:
    return "p < 0.0001" if value < 0.0001 else f"p = {value:.4f}"
